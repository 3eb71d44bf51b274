using System.Globalization;
using Parley.Wire.V1;

namespace Parley;

/// <summary>Sends what agents commit and save, and takes the broker's word on it (STA-2 to STA-5).</summary>
/// <param name="context">What it works with.</param>
/// <param name="ended">Ends an agent's place here, after it was refused for good.</param>
internal sealed class StateSaver(DispatchContext context, Action<HostedAgent> ended)
{
    /// <summary>Sends a standard agent's result with its state, if that has changed; in the agent's turn.</summary>
    /// <param name="hosted">The agent.</param>
    /// <param name="agent">Itself.</param>
    /// <param name="send">Sends the result with what it commits, or null; gets what changed. False: it was not said after all.</param>
    public static async Task SendWithStateAsync(HostedAgent hosted, IAgent agent, Func<StateChange?, bool> send)
    {
        if (hosted.State is not { KeepsState: true } keeper)
        {
            send(null);
            return;
        }

        await keeper.Gate.EnterAsync().ConfigureAwait(true);
        try
        {
            var change = await keeper.TakeAsync(agent).ConfigureAwait(true);
            if (send(change.State is null ? null : change) && change.State is not null)
            {
                keeper.Said(change);
            }
        }
        finally
        {
            keeper.Gate.Leave();
        }
    }

    /// <summary>The broker's word on what a standard agent's result committed; after a refusal the state is saved again.</summary>
    public void Answered(Session session, HostedAgent hosted, StateChange change, Message answer)
    {
        if (hosted.State is not { } keeper)
        {
            return;
        }

        if (answer.Error is not { } error)
        {
            keeper.Stored(change);
        }
        else if (keeper.Refused(change, ActualOf(error.Details)))
        {
            DistributedLog.CommitRefused(context.Logger, hosted.Id, error.FromWire().ReasonName, error.Message);
            if (error.Reason == Wire.V1.ErrorReason.StaleEpoch)
            {
                ended(hosted);
            }
            else if (error.Reason == Wire.V1.ErrorReason.StateConflict)
            {
                _ = SaveAsync(session, hosted, always: true);
            }
        }
    }

    /// <summary>The broker's word on what an effectively-once agent's message committed: true if it did (STA-5).</summary>
    public async Task<bool> ConfirmAsync(HostedAgent hosted, StateChange change, Task<Message> asking)
    {
        try
        {
            await asking.ConfigureAwait(false);
            return Confirm(hosted, change, null);
        }
        catch (ParleyException e)
        {
            return Confirm(hosted, change, e);
        }
    }

    /// <summary>The broker's word on what an effectively-once agent's message committed: true if it did.</summary>
    public bool Confirm(HostedAgent hosted, StateChange change, ParleyException? refusal)
    {
        if (refusal is null)
        {
            hosted.State!.Said(change);
            hosted.State.Stored(change);
            return true;
        }

        DistributedLog.CommitRefused(context.Logger, hosted.Id, refusal.ReasonName, refusal.Message);
        // It has another place, or another state: what is here is over. Whatever else the broker says, the agent keeps its place.
        if (refusal is StaleEpochException or StateConflictException)
        {
            ended(hosted);
        }

        return false;
    }

    /// <summary>Saves a standard agent's state outside of a result; done when the broker has answered. Never fails.</summary>
    /// <param name="session">The session that has its place.</param>
    /// <param name="hosted">The agent.</param>
    /// <param name="always">Also if the state is what was said last.</param>
    public Task SaveAsync(Session session, HostedAgent hosted, bool always)
    {
        // The state of an effectively-once agent is what was committed.
        if (hosted.State is not { KeepsState: true } || hosted.IsEffectivelyOnce || !session.Understands(Message.KindOneofCase.Save))
        {
            return Task.CompletedTask;
        }

        var run = new SaveRun(this, session, hosted, always);
        hosted.Start(run);
        return run.Done;
    }

    private static ulong? ActualOf(IDictionary<string, string> details) =>
        details.TryGetValue("actual", out var text) && ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var actual) ? actual : null;

    private async Task SaveHereAsync(Session session, HostedAgent hosted, bool always)
    {
        var agent = await hosted.Ready.ConfigureAwait(true);
        var keeper = hosted.State!;
        StateChange change;
        Task<Message> asking;
        await keeper.Gate.EnterAsync().ConfigureAwait(true);
        try
        {
            change = await keeper.TakeAsync(agent, always).ConfigureAwait(true);
            if (change.State is not { } data)
            {
                return;
            }

            var save = new Save { Agent = hosted.Id.ToWire(), Epoch = hosted.Epoch, ExpectedVersion = change.ExpectedVersion, State = WireTypes.StateOf(data) };
            var budget = CallBudget.Of(null, context.Options.DefaultTimeout, null, context.Options.TimeProvider);
            asking = session.AskAsync(new PendingCommand($"Saving {hosted.Id}", budget, new Message { Save = save }), CancellationToken.None);
            keeper.Said(change);
        }
        finally
        {
            keeper.Gate.Leave();
        }

        try
        {
            await asking.ConfigureAwait(false);
            keeper.Stored(change);
        }
        catch (ParleyException e)
        {
            DistributedLog.CommitRefused(context.Logger, hosted.Id, e.ReasonName, e.Message);
            if (e is StaleEpochException)
            {
                ended(hosted);
            }
            else if (keeper.Refused(change, ActualOf(new Dictionary<string, string>(e.Details))) && e is StateConflictException)
            {
                await SaveAsync(session, hosted, always: true).ConfigureAwait(false);
            }
        }
    }

    private sealed class SaveRun(StateSaver saver, Session session, HostedAgent hosted, bool always) : HandlerRun
    {
        private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Done => _done.Task;

        public override async Task RunAsync()
        {
            try
            {
                await saver.SaveHereAsync(session, hosted, always).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                // Whatever the agent raised: the next result or the next period tries again.
                saver.LogFailure(hosted, e);
            }
            finally
            {
                _done.TrySetResult();
            }
        }
    }

    private void LogFailure(HostedAgent hosted, Exception cause) => DistributedLog.SaveFailed(context.Logger, hosted.Id, cause);
}
