using System.Globalization;

namespace Parley;

/// <summary>The time that one call has, and whose limit that is.</summary>
internal sealed record CallBudget(TimeSpan Timeout, string Source, bool IsInherited, Deadline Deadline)
{
    // A timer takes no more.
    private const uint MaxTimeoutMs = uint.MaxValue - 1;

    /// <summary>The smaller of the call's own timeout (else the default) and what the outer call has left (RPC-4).</summary>
    /// <exception cref="InvalidArgumentException">The timeout is not above zero, or longer than the wire can say.</exception>
    /// <exception cref="DeadlineExceededException">Nothing is left.</exception>
    public static CallBudget Of(TimeSpan? own, TimeSpan fallback, CallScope? scope, TimeProvider time)
    {
        if (own <= TimeSpan.Zero || own > TimeSpan.FromMilliseconds(MaxTimeoutMs))
        {
            throw new InvalidArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"The timeout {own} is not allowed; it must be above zero and at most {MaxTimeoutMs} ms."));
        }

        var timeout = own ?? fallback;
        var source = own is null ? "the runtime's default timeout" : "the timeout of this call";
        var inherited = scope?.Deadline?.Remaining < timeout;
        if (inherited && scope?.Deadline?.Remaining is { } left)
        {
            (timeout, source) = (left, $"what was left of the call that {scope.Agent} is handling");
        }

        var budget = new CallBudget(timeout, source, inherited, new Deadline(time, timeout));
        return timeout > TimeSpan.Zero ? budget : throw budget.Exceeded("The call was not sent", mayHaveRun: false);
    }

    /// <summary>The outcome of a call with this budget; an exceeded deadline is marked if it was the outer call's.</summary>
    public async Task<T> MarkAsync<T>(Task<T> call)
    {
        try
        {
            return await call.ConfigureAwait(false);
        }
        catch (DeadlineExceededException e) when (IsInherited)
        {
            // Whoever noticed first, this side or the other: the time was the outer call's.
            e.IsOfOuterCall = true;
            throw;
        }
    }

    /// <summary>The error at the end of the time.</summary>
    public DeadlineExceededException Exceeded(string what, bool mayHaveRun) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{what}: its time of {Timeout.TotalSeconds:0.###} s is up ({Source})."))
        {
            MayHaveRun = mayHaveRun,
            IsOfOuterCall = IsInherited,
            Details = new Dictionary<string, string> { ["timeout_ms"] = Timeout.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture) },
        };
}
