using System.Globalization;

namespace Parley;

/// <summary>The time that one call has, and whose limit that is.</summary>
internal sealed record CallBudget(TimeSpan Timeout, TimeoutSource Source, CallScope? Outer, Deadline Deadline)
{
    /// <summary>As long as a timer, and the wire, can say.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(uint.MaxValue - 1);

    /// <summary>The time is what was left of an outer call.</summary>
    public bool IsInherited => Source == TimeoutSource.OuterCall;

    /// <summary>The smallest of the call's own timeout (else the default), the limit, and what the outer call has left (RPC-4).</summary>
    /// <exception cref="InvalidArgumentException">The timeout is negative and not <see cref="System.Threading.Timeout.InfiniteTimeSpan"/>.</exception>
    /// <exception cref="DeadlineExceededException">Nothing is left.</exception>
    public static CallBudget Of(TimeSpan? own, TimeSpan fallback, CallScope? scope, TimeProvider time, TimeSpan? limit = null)
    {
        if (own < TimeSpan.Zero && own != System.Threading.Timeout.InfiniteTimeSpan)
        {
            throw new InvalidArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"The timeout {own} is not allowed; it must be zero or more, or Timeout.InfiniteTimeSpan."))
            {
                Details = new Dictionary<string, string> { ["field"] = "timeout" },
            };
        }

        var (timeout, source) = own is { } given ? (given, TimeoutSource.Call) : (fallback, TimeoutSource.Default);
        var longest = limit ?? Longest;
        if (timeout > longest || timeout < TimeSpan.Zero)
        {
            (timeout, source) = (longest, TimeoutSource.Limit);
        }

        if (scope?.Deadline?.Remaining is { } left && left < timeout)
        {
            (timeout, source) = (left, TimeoutSource.OuterCall);
        }

        var budget = new CallBudget(timeout, source, scope, new Deadline(time, timeout));
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
        new(string.Create(CultureInfo.InvariantCulture, $"{what}: its time of {Timeout.TotalSeconds:0.###} s is up ({Because})."))
        {
            MayHaveRun = mayHaveRun,
            IsOfOuterCall = IsInherited,
            Details = new Dictionary<string, string>
            {
                ["timeout_ms"] = Timeout.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture),
                ["timeout_source"] = Source switch
                {
                    TimeoutSource.Call => "call",
                    TimeoutSource.Default => "default",
                    TimeoutSource.OuterCall => "outer_call",
                    _ => "limit",
                },
            },
        };

    private string Because => Source switch
    {
        TimeoutSource.Call => "the timeout of this call",
        TimeoutSource.Default => "the runtime's default timeout",
        TimeoutSource.OuterCall => $"what was left of the call that {Outer?.Agent} is handling",
        _ => "the broker's longest timeout",
    };
}

/// <summary>What decided how long a call may take.</summary>
internal enum TimeoutSource
{
    /// <summary>The call itself.</summary>
    Call,

    /// <summary>The runtime's setting.</summary>
    Default,

    /// <summary>The call that the handler which calls is serving.</summary>
    OuterCall,

    /// <summary>The longest that the broker allows.</summary>
    Limit,
}
