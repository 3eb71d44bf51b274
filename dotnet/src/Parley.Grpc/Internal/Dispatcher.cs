using System.Collections.Concurrent;
using System.Globalization;
using Parley.Wire.V1;

namespace Parley;

/// <summary>What the broker asks of this process: activations, calls, events, cancellations.</summary>
/// <remarks>Everything here runs on the reading loop and only starts things; handlers run elsewhere.</remarks>
internal sealed class Dispatcher(DispatchContext context)
{
    private readonly ConcurrentDictionary<(Session Session, ulong Id), RequestRun> _running = new();
    private readonly DeliveryLedger _ledger = new();

    /// <summary>Takes up one command.</summary>
    public void Handle(Session session, Message message)
    {
        try
        {
            switch (message.KindCase)
            {
                case Message.KindOneofCase.Request:
                    Take(session, message.Id, message.Request);
                    break;
                case Message.KindOneofCase.Delivery:
                    Take(session, message.Delivery);
                    break;
                case Message.KindOneofCase.Cancel:
                    if (_running.TryGetValue((session, message.Cancel.RequestId), out var run))
                    {
                        run.Cancel();
                    }

                    break;
                case Message.KindOneofCase.Activate:
                    Take(session, message.Id, message.Activate);
                    break;
                case Message.KindOneofCase.Deactivate:
                    _ = DeactivateAsync(session, message.Id, message.Deactivate);
                    break;
                default:
                    RefuseUnknown(message);
                    break;
            }
        }
        catch (ParleyException e)
        {
            // MSG-5, the other way round: a bad command fails alone.
            Refuse(session, message.Id, e, message.KindCase.ToString());
        }
        catch (Exception e)
        {
            Refuse(session, message.Id, new InternalErrorException($"{e.GetType().Name}: {e.Message}", e), message.KindCase.ToString());
        }
    }

    /// <summary>The runtime ends: the tokens of running calls fire.</summary>
    public void CancelAll()
    {
        foreach (var run in _running.Values)
        {
            run.Cancel();
        }
    }

    /// <summary>A call has been answered.</summary>
    public void Forget(Session session, ulong requestId) => _running.TryRemove((session, requestId), out _);

    /// <summary>The agents that this process holds, for Claim (SES-14).</summary>
    public IReadOnlyList<HostedAgent> Held() => [.. context.Host.Agents.Where(a => a.Ready is { IsFaulted: false })];

    /// <summary>An agent's place here was taken away: its handlers' tokens fire, and its results are wanted by nobody.</summary>
    public void Drop(HostedAgent hosted)
    {
        _ = context.Host.RetireAsync(hosted, context.Logger);
        hosted.Drop();
        foreach (var run in _running.Values.Where(r => r.Hosted == hosted))
        {
            run.Cancel();
        }

        _ledger.Forget(hosted);
    }

    /// <summary>A session is over.</summary>
    public void SessionLost(Session session) => _ledger.ForgetBefore(session);

    private void Take(Session session, ulong id, Request request)
    {
        var target = request.Target.FromWire();
        var isRoot = request.CallChain.Count == 0;
        if (FindTarget(target, request.Epoch) is not { } hosted)
        {
            GiveBackIf(isRoot, session, request.Envelope.Length);
            throw NotHere(target, request.Epoch);
        }

        var run = new RequestRun(context, this, session, hosted, id, request);
        _running[(session, id)] = run;
        Begin(hosted);
        if (isRoot)
        {
            context.Slots.Start(hosted, run);
        }
        else
        {
            hosted.Start(run);
        }
    }

    private void Take(Session session, Delivery delivery)
    {
        var recipient = delivery.Recipient.FromWire();
        if (FindTarget(recipient, delivery.Epoch) is not { } hosted)
        {
            session.GiveBack(delivery.Envelope.Length);
            _ = RefuseAsync(session, delivery, recipient, NotHere(recipient, delivery.Epoch));
            return;
        }

        var run = new DeliveryRun(context, _ledger, session, hosted, delivery);
        if (delivery.Position > 0 && _ledger.Admit(hosted, run) is { } known)
        {
            session.GiveBack(delivery.Envelope.Length);
            if (known != run)
            {
                known.Attach(run);
            }

            return;
        }

        Begin(hosted);
        if (hosted.Events.TryStart(run))
        {
            context.Slots.Start(hosted, run);
        }
    }

    private HostedAgent? FindTarget(AgentId agent, ulong epoch) =>
        context.Host.TryGetType(agent.Type, out var registration) && registration.Mode == AgentMode.Stateless
            ? context.Host.Stateless(agent, registration)
            : context.Host.Find(agent) is { } hosted && hosted.Epoch == epoch ? hosted : null;

    private void Begin(HostedAgent hosted)
    {
        context.InFlight.Add();
        hosted.InFlight.Add();
    }

    private static void GiveBackIf(bool covered, Session session, int bytes)
    {
        if (covered)
        {
            session.GiveBack(bytes);
        }
    }

    private void Take(Session session, ulong id, Activate activate)
    {
        var agent = activate.Agent.FromWire();
        if (!context.Host.TryGetType(agent.Type, out var registration))
        {
            throw HandlerFailures.NotActivated(new InvalidOperationException($"the type '{agent.Type}' is not hosted here"), agent);
        }

        if (context.Host.Find(agent) is { } former)
        {
            Drop(former);
        }

        _ = AnswerActivateAsync(session, id, context.Host.Place(agent, activate.Epoch, registration));
    }

    private async Task AnswerActivateAsync(Session session, ulong id, HostedAgent hosted)
    {
        try
        {
            await hosted.Ready.ConfigureAwait(false);
            session.Tell(new Message { Re = id, Done = new Done() });
        }
        catch (ActivationFailedException e)
        {
            DistributedLog.ActivationFailed(context.Logger, hosted.Id, e);
            context.Host.Remove(hosted);
            _ledger.Forget(hosted);
            Refuse(session, id, e, nameof(Activate));
        }
    }

    private async Task DeactivateAsync(Session session, ulong id, Deactivate deactivate)
    {
        if (context.Host.Find(deactivate.Agent.FromWire()) is { } hosted && hosted.Epoch == deactivate.Epoch)
        {
            await hosted.InFlight.WhenIdleAsync().ConfigureAwait(false);
            await context.Host.RetireAsync(hosted, context.Logger).ConfigureAwait(false);
            _ledger.Forget(hosted);
        }

        session.Tell(new Message { Re = id, Done = new Done() });
    }

    private static void RefuseUnknown(Message message)
    {
        var kind = message.KindCase.ToString();
        throw new InvalidArgumentException($"This SDK does not know messages of the kind {kind}.")
        {
            Details = new Dictionary<string, string> { ["kind"] = kind },
        };
    }

    private void Refuse(Session session, ulong id, ParleyException error, string kind)
    {
        if (id > 0)
        {
            session.Tell(new Message { Re = id, Error = error.ToWire() });
        }
        else
        {
            DistributedLog.MessageDropped(context.Logger, kind, error.Message);
        }
    }

    /// <summary>Nacks an event whose agent is not here, so that it is not in flight for ever.</summary>
    private async Task RefuseAsync(Session session, Delivery delivery, AgentId recipient, ParleyException error)
    {
        DistributedLog.MessageDropped(context.Logger, nameof(Delivery), error.Message);
        if (delivery.Position > 0)
        {
            await Settlement.SendAsync(context, session, recipient, delivery.EventId, Settlement.Nack(delivery, error)).ConfigureAwait(false);
        }
    }

    // An agent that could not be made has no place here any more; the broker may not have heard of that yet (AGT-6).
    private ParleyException NotHere(AgentId agent, ulong epoch) => context.Host.Find(agent) is { } hosted
        ? new StaleEpochException($"{agent} has no place here with the epoch {epoch}; its epoch here is {hosted.Epoch}.")
        {
            Details = new Dictionary<string, string>
            {
                ["epoch"] = epoch.ToString(CultureInfo.InvariantCulture),
                ["current"] = hosted.Epoch.ToString(CultureInfo.InvariantCulture),
            },
        }
        : new ActivationFailedException($"The agent {agent} is not active in this process.")
        {
            Details = new Dictionary<string, string> { ["agent"] = agent.ToString() },
        };
}
