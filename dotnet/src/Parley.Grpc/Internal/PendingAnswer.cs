using Parley.Wire.V1;

namespace Parley;

/// <summary>A command that waits for the broker's answer, over connections and sessions.</summary>
/// <param name="budget">The time that it has.</param>
/// <param name="message">The command.</param>
internal abstract class PendingAnswer(CallBudget budget, Message message) : PendingCall<Message>
{
    private volatile bool _written;
    private Gathering? _gathering;

    public CallBudget Budget => budget;

    public Message Message => message;

    /// <summary>Bytes of the envelope if credit covers the command, else null (FLOW-1).</summary>
    public int? CoveredBytes { get; init; }

    /// <summary>Whether doing it twice is doing it once: it is sent again in the next session if this one ends without an answer (SES-15).</summary>
    public bool IsRepeatable { get; init; }

    /// <summary>Who sends it.</summary>
    public ICommandSender? Sender { get; set; }

    /// <summary>Called by the reading loop when the answer has come, before anything that follows it is read.</summary>
    public Action<Message>? Answered { get; init; }

    /// <summary>The session that has the command; null while it waits for one.</summary>
    public Session? Session { get; set; }

    /// <summary>The place among all commands of the runtime.</summary>
    public long Order { get; set; }

    /// <summary>The `id` on the wire.</summary>
    public ulong Id
    {
        get => message.Id;
        set => message.Id = value;
    }

    /// <summary>Whether a broker may have the command.</summary>
    public bool IsWritten => _written;

    /// <summary>Whether it has its place in the order of what was sent, and goes before what was not.</summary>
    public bool WasOrdered => _written || message.Publish is { ProducerSeq: > 0 };

    /// <summary>The outcome that tells that a session ended.</summary>
    public bool EndsWithSession => _written && !IsRepeatable;

    /// <summary>The answer has come with others: what whoever waits for it says next leaves together with what those say.</summary>
    public void Join(Gathering? gathering) => Volatile.Write(ref _gathering, gathering);

    /// <summary>That is said, or it was no answer after all.</summary>
    public void Leave() => Interlocked.Exchange(ref _gathering, null)?.End();

    public void MarkWritten() => _written = true;

    /// <summary>The broker refused it without having looked at it: it is as if it had never been sent.</summary>
    public void Unsend()
    {
        _written = false;
        if (message.Publish is { } publish)
        {
            publish.ProducerSeq = 0;
        }
    }

    /// <summary>What is left is written with the message (MSG-9).</summary>
    public void StampTimeLeft()
    {
        if (message.Request is { } request)
        {
            request.TimeoutMs = (uint)Math.Ceiling(budget.Deadline.Remaining.TotalMilliseconds);
        }
    }

    /// <summary>The broker answered with an error.</summary>
    public virtual bool Fail(ParleyException error) => TrySetException(error);

    /// <summary>The session is over, and so is the command.</summary>
    public void Lose(string why) => TrySetException(_written
        ? new OutcomeUnknownException($"{What}: the session ended before the answer came ({why}).")
        : new UnavailableException($"{What} was not sent: {why}."));

    /// <summary>For texts: what the command is. Made when it is asked for, which is seldom.</summary>
    protected abstract string What { get; }

    /// <summary>A command that was sent and not answered: nobody knows (PUB-8).</summary>
    protected override Exception DeadlineError()
    {
        var exceeded = budget.Exceeded(What, _written);
        return _written ? new OutcomeUnknownException($"{exceeded.Message} The broker has not answered.", exceeded) : NotSent(exceeded);
    }

    /// <summary>The outcome of what was never sent: without a way to the broker that is the reason (SES-17).</summary>
    protected Exception NotSent(ParleyException exceeded) => Sender?.WhyUnreachable is { } why
        ? new UnavailableException($"{exceeded.Message} It was not sent: {why}.", exceeded)
        : exceeded;

    protected override void OnTold() => Leave();

    protected override void OnAbandoned(bool cancelled) => Sender?.Abandon(this, cancelled);
}

/// <summary>A command of a runtime's own.</summary>
/// <param name="what">What it is.</param>
/// <param name="budget">The time that it has.</param>
/// <param name="message">The command.</param>
internal sealed class PendingCommand(string what, CallBudget budget, Message message) : PendingAnswer(budget, message)
{
    protected override string What => what;
}

/// <summary>A publish.</summary>
/// <param name="topic">About what.</param>
/// <param name="budget">The time that it has.</param>
/// <param name="message">The publish.</param>
internal sealed class PendingPublish(TopicId topic, CallBudget budget, Message message) : PendingAnswer(budget, message)
{
    protected override string What => $"Publishing to {topic}";
}

/// <summary>The result of an event.</summary>
/// <param name="eventId">Of which event.</param>
/// <param name="budget">The time that it has.</param>
/// <param name="message">The Ack or Nack.</param>
internal sealed class PendingSettlement(string eventId, CallBudget budget, Message message) : PendingAnswer(budget, message)
{
    protected override string What => $"The result of event {eventId}";
}

/// <summary>A call: the caller's own timer ends it (RPC-4).</summary>
/// <param name="recipient">Whom it is for.</param>
/// <param name="budget">The time that it has.</param>
/// <param name="message">The request.</param>
internal sealed class PendingRequest(AgentId recipient, CallBudget budget, Message message) : PendingAnswer(budget, message)
{
    // The other side's clock may be ahead by this much; a broker that cut the timeout is further ahead, and says so itself.
    private static readonly TimeSpan ClockSlack = TimeSpan.FromSeconds(1);

    /// <summary>The caller says whose timeout applied, whoever noticed first that the time is up.</summary>
    public override bool Fail(ParleyException error) => TrySetException(
        error is DeadlineExceededException && Budget.Deadline.Remaining < ClockSlack
            ? Budget.Exceeded($"{recipient} did not answer", error.MayHaveRun)
            : error);

    protected override string What => $"The call to {recipient}";

    protected override Exception DeadlineError()
    {
        var exceeded = Budget.Exceeded($"{recipient} did not answer", IsWritten);
        return IsWritten ? exceeded : NotSent(exceeded);
    }
}
