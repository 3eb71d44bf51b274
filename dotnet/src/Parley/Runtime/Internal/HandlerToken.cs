using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;

namespace Parley;

/// <summary>The token that a handler gets. What its user registered on it runs on the thread pool, and what that raises is logged.</summary>
/// <remarks>
/// So a callback that is slow, or fails, holds up neither the reading of the session nor a timer, nor whatever else fires tokens.
/// <see cref="CancellationToken.IsCancellationRequested"/> is true as soon as the token fires.
/// </remarks>
/// <param name="agent">Whose handler gets it.</param>
/// <param name="logger">For what callbacks raise.</param>
[SuppressMessage("Design", "CA1001", Justification = "A source without a timer has nothing to release.")]
internal class HandlerToken(AgentId agent, ILogger logger)
{
    // Never disposed: who keeps the token longer than the handler runs may still ask it.
    private readonly CancellationTokenSource _source = new();

    public CancellationToken Token => _source.Token;

    /// <summary>Fires the token; returns at once.</summary>
    public void Fire() => _ = FireAsync();

    private async Task FireAsync()
    {
        try
        {
            await _source.CancelAsync().ConfigureAwait(false);
        }
        catch (AggregateException e)
        {
            Log.CallbackFailed(logger, agent, e);
        }
    }
}

/// <summary>A token that fires when one of others does, until its handler has ended.</summary>
internal sealed class LinkedHandlerToken : HandlerToken, IDisposable
{
    private readonly CancellationTokenRegistration[] _causes;

    /// <summary>Listens to the others.</summary>
    /// <param name="agent">Whose handler gets it.</param>
    /// <param name="logger">For what callbacks raise.</param>
    /// <param name="causes">The runtime's own tokens, which users never see.</param>
    public LinkedHandlerToken(AgentId agent, ILogger logger, params ReadOnlySpan<CancellationToken> causes)
        : base(agent, logger)
    {
        _causes = new CancellationTokenRegistration[causes.Length];
        for (var i = 0; i < causes.Length; i++)
        {
            _causes[i] = causes[i].UnsafeRegister(static s => ((HandlerToken)s!).Fire(), this);
        }
    }

    /// <summary>The handler has ended: the token fires no more.</summary>
    public void Dispose()
    {
        foreach (var cause in _causes)
        {
            cause.Dispose();
        }
    }
}
