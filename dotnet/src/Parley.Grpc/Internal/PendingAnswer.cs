using Parley.Wire.V1;

namespace Parley;

/// <summary>A command that waits for the broker's answer.</summary>
/// <param name="what">For texts: what the command is.</param>
/// <param name="budget">The time that it has.</param>
internal class PendingAnswer(string what, CallBudget budget) : PendingCall<Message>
{
    private volatile bool _written;

    public CallBudget Budget => budget;

    /// <summary>Called when nobody waits for the answer any more; true: the waiter cancelled.</summary>
    public Action<PendingAnswer, bool>? Abandoned { get; set; }

    /// <summary>Called by the reading loop when the answer has come, before anything that follows it is read.</summary>
    public Action? Answered { get; init; }

    /// <summary>The `id` on the wire.</summary>
    public ulong Id { get; set; }

    /// <summary>Whether the broker may have the command.</summary>
    public bool IsWritten => _written;

    public void MarkWritten() => _written = true;

    /// <summary>The broker answered with an error.</summary>
    public virtual void Fail(ParleyException error) => TrySetException(error);

    /// <summary>The connection is gone.</summary>
    public void Lose(string why) => TrySetException(_written
        ? new OutcomeUnknownException($"{what}: the connection ended before the answer came ({why}).")
        : new UnavailableException($"{what} was not sent: the connection ended ({why})."));

    /// <summary>A command that was sent and not answered: nobody knows (PUB-8).</summary>
    protected override Exception DeadlineError()
    {
        var exceeded = budget.Exceeded(what, _written);
        return _written ? new OutcomeUnknownException($"{exceeded.Message} The broker has not answered.", exceeded) : exceeded;
    }

    protected override void OnAbandoned(bool cancelled) => Abandoned?.Invoke(this, cancelled);
}

/// <summary>A call: the caller's own timer ends it (RPC-4).</summary>
/// <param name="recipient">Whom it is for.</param>
/// <param name="budget">The time that it has.</param>
internal sealed class PendingRequest(AgentId recipient, CallBudget budget) : PendingAnswer($"The call to {recipient}", budget)
{
    // The other side's clock may be ahead by this much; a broker that cut the timeout is further ahead, and says so itself.
    private static readonly TimeSpan ClockSlack = TimeSpan.FromSeconds(1);

    /// <summary>The caller says whose timeout applied, whoever noticed first that the time is up.</summary>
    public override void Fail(ParleyException error) => TrySetException(
        error is DeadlineExceededException && Budget.Deadline.Remaining < ClockSlack
            ? Budget.Exceeded($"{recipient} did not answer", error.MayHaveRun)
            : error);

    protected override Exception DeadlineError() => Budget.Exceeded($"{recipient} did not answer", IsWritten);
}
