using Parley.Wire.V1;

namespace Parley;

/// <summary>How a process makes itself known in a new session (SES-14).</summary>
internal static class Rejoining
{
    private const int ClaimSize = 1000;
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Registers, subscribes and claims, in that order; agents whose claim is refused are dropped.</summary>
    /// <exception cref="ParleyException">The session ended meanwhile.</exception>
    public static async Task RunAsync(DispatchContext context, Dispatcher dispatcher, Session session, IEnumerable<Subscription> subscriptions)
    {
        var said = context.Host.Types.Select(t => SayAsync(context, session, Commands.Register(t), $"Registering '{t.Type}'"))
            .Concat(subscriptions.Select(s => SayAsync(context, session, Commands.Subscribe(s), $"Adding {s}"))).ToList();
        var held = dispatcher.Held();
        if (session.Understands(Message.KindOneofCase.Claim))
        {
            // All are written before any is answered: a restarted broker answers claims when its claim window is over.
            said.AddRange(held.Chunk(ClaimSize).Select(some => ClaimAsync(context, dispatcher, session, some)));
        }
        else
        {
            foreach (var hosted in held)
            {
                dispatcher.Drop(hosted);
            }
        }

        await Task.WhenAll(said).ConfigureAwait(false);
        dispatcher.SaveAll(session, uncertainOnly: true);
    }

    private static async Task<Message?> ClaimAsync(DispatchContext context, Dispatcher dispatcher, Session session, HostedAgent[] agents)
    {
        var answer = await SayAsync(context, session, Commands.Claim(agents), "Claiming agents").ConfigureAwait(false);
        HashSet<AgentId> refused = answer is null ? [.. agents.Select(a => a.Id)] : [.. answer.ClaimResult.Refused.Select(a => a.FromWire())];
        foreach (var hosted in agents.Where(a => refused.Contains(a.Id)))
        {
            DistributedLog.ClaimRefused(context.Logger, hosted.Id);
            dispatcher.Drop(hosted);
        }

        return answer;
    }

    /// <summary>The answer; null if the broker refuses for good, which is logged.</summary>
    private static async Task<Message?> SayAsync(DispatchContext context, Session session, Message command, string what)
    {
        while (true)
        {
            var budget = CallBudget.Of(null, CallBudget.Longest, null, context.Options.TimeProvider);
            try
            {
                return await session.AskAsync(new PendingCommand(what, budget, command), CancellationToken.None).ConfigureAwait(false);
            }
            catch (ParleyException e) when (!session.IsOver)
            {
                DistributedLog.RejoinRefused(context.Logger, what, e.ReasonName, e.Message);
                if (!e.IsRetryable)
                {
                    return null;
                }
            }

            await Task.Delay(RetryPause, context.Options.TimeProvider).ConfigureAwait(false);
            command = command.Clone();
        }
    }
}
