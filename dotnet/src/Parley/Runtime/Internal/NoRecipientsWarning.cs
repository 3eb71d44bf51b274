using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>Warns of events that reached nobody, at most once per 10 s (PUB-2).</summary>
internal sealed class NoRecipientsWarning(ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private long? _last;
    private long _suppressed;

    public void Warn(TopicId topic)
    {
        long suppressed;
        lock (_lock)
        {
            if (_last is { } last && time.GetElapsedTime(last) < Interval)
            {
                _suppressed++;
                return;
            }

            _last = time.GetTimestamp();
            suppressed = _suppressed;
            _suppressed = 0;
        }

        Log.NoRecipients(logger, topic, suppressed);
    }
}
