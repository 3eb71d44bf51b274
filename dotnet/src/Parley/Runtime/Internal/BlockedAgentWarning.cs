using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>Warns each minute while the handler of one event keeps its agent's other events waiting; ends when disposed.</summary>
internal sealed class BlockedAgentWarning : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly ITimer _timer;

    public BlockedAgentWarning(AgentId agent, TimeProvider time, ILogger logger)
    {
        var started = time.GetTimestamp();
        _timer = time.CreateTimer(
            _ => Log.AgentBlocked(logger, agent, (long)time.GetElapsedTime(started).TotalSeconds), null, Interval, Interval);
    }

    public void Dispose() => _timer.Dispose();
}
