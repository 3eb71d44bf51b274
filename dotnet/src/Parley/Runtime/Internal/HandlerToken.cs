using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>The token that a handler gets. What its user registered on it runs on the thread pool, and what that raises is logged.</summary>
/// <remarks>
/// So a callback that is slow, or fails, holds up neither the reading of the session nor a timer, nor whatever else fires tokens.
/// <see cref="CancellationToken.IsCancellationRequested"/> is true as soon as the token fires.
/// </remarks>
internal sealed class HandlerToken : IDisposable
{
    private readonly AgentId _agent;
    private readonly ILogger _logger;
    // Without a timer there is nothing to release; and who keeps the token longer than the handler runs may still ask it.
    private readonly CancellationTokenSource _source = new();
    private readonly CancellationTokenRegistration[] _causes;

    /// <summary>A token that fires when one of others does.</summary>
    /// <param name="agent">Whose handler gets it.</param>
    /// <param name="logger">For what callbacks raise.</param>
    /// <param name="causes">The runtime's own tokens, which users never see.</param>
    public HandlerToken(AgentId agent, ILogger logger, params ReadOnlySpan<CancellationToken> causes)
    {
        (_agent, _logger, _causes) = (agent, logger, new CancellationTokenRegistration[causes.Length]);
        for (var i = 0; i < causes.Length; i++)
        {
            _causes[i] = causes[i].UnsafeRegister(static s => ((HandlerToken)s!).Fire(), this);
        }
    }

    public CancellationToken Token => _source.Token;

    /// <summary>Fires the token; returns at once.</summary>
    public void Fire() => _ = FireAsync();

    /// <summary>The handler has ended: the token fires no more.</summary>
    public void Dispose()
    {
        foreach (var cause in _causes)
        {
            cause.Dispose();
        }
    }

    private async Task FireAsync()
    {
        try
        {
            await _source.CancelAsync().ConfigureAwait(false);
        }
        catch (AggregateException e)
        {
            Log.CallbackFailed(_logger, _agent, e);
        }
    }
}
