using System.Collections.Concurrent;
using System.Globalization;
using Parley.Wire.V1;

namespace Parley;

/// <summary>What the broker asks of this process: activations, calls, events, cancellations.</summary>
/// <remarks>Everything here runs on the reading loop and only starts things; handlers run elsewhere.</remarks>
internal sealed class Dispatcher
{
    private readonly DispatchContext _context;
    private readonly ConcurrentDictionary<(Session Session, ulong Id), RequestRun> _running = new();
    private readonly DeliveryLedger _ledger = new();

    public Dispatcher(DispatchContext context)
    {
        _context = context;
        Saver = new StateSaver(context, Drop);
    }

    public StateSaver Saver { get; }

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
                case Message.KindOneofCase.SaveRequest:
                    _ = AnswerAsync(session, message, SaveAsync(session, message.SaveRequest));
                    break;
                case Message.KindOneofCase.Deactivate:
                    _ = AnswerAsync(session, message, DeactivateAsync(session, message.Deactivate));
                    break;
                default:
                    RefuseUnknown(message);
                    break;
            }
        }
        catch (Exception e)
        {
            // MSG-5, the other way round: a bad command fails alone.
            Refuse(session, message, e);
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
    public IReadOnlyList<HostedAgent> Held() => [.. _context.Host.Agents.Where(a => a is { IsEffectivelyOnce: false, Ready.IsFaulted: false })];

    /// <summary>A run that had the agent's lane has ended: after a failure an effectively-once agent is made anew, then the next run starts (STA-5).</summary>
    /// <param name="hosted">The agent.</param>
    /// <param name="isTouched">Its handler has done something that does not count.</param>
    public async ValueTask EndTurnAsync(HostedAgent hosted, bool isTouched)
    {
        if (isTouched && hosted.IsEffectivelyOnce && !hosted.Dropped.IsCancellationRequested)
        {
            await _context.Host.RebuildAsync(hosted).ConfigureAwait(false);
        }

        _context.StartNext(hosted);
    }

    /// <summary>Saves what has changed (STA-2).</summary>
    /// <param name="session">The session in which the agents have their places.</param>
    /// <param name="uncertainOnly">Only what the broker may lack of what was said.</param>
    public void SaveAll(Session session, bool uncertainOnly)
    {
        foreach (var hosted in _context.Host.Agents.Where(a => a.State is { } state && (!uncertainOnly || state.IsUncertain)))
        {
            _ = Saver.SaveAsync(session, hosted, always: false);
        }
    }

    /// <summary>An agent's place here was taken away: its handlers' tokens fire, and its results are wanted by nobody.</summary>
    public void Drop(HostedAgent hosted)
    {
        _ = _context.Host.RetireAsync(hosted, _context.Logger);
        hosted.Drop();
        foreach (var run in _running.Values.Where(r => r.Hosted == hosted))
        {
            run.Cancel();
        }

        _ledger.Forget(hosted);
    }

    /// <summary>A session is over.</summary>
    public void SessionLost(Session session)
    {
        _ledger.ForgetBefore(session);
        foreach (var hosted in _context.Host.Agents)
        {
            hosted.State?.SessionLost();
            if (hosted.IsEffectivelyOnce)
            {
                // Its state is what was committed: it is made anew from that, wherever its next message comes.
                Drop(hosted);
            }
        }
    }

    private void Take(Session session, ulong id, Request request)
    {
        var target = request.Target.FromWire();
        var isRoot = request.CallChain.Count == 0;
        if (FindTarget(target, request.Epoch) is not { } hosted)
        {
            GiveBackIf(isRoot, session, request.Envelope.Length);
            throw NotHere(target, request.Epoch);
        }

        var run = new RequestRun(_context, this, session, hosted, id, request);
        _running[(session, id)] = run;
        Begin(hosted);
        if (!hosted.IsEffectivelyOnce || hosted.Events.TryStart(run))
        {
            _context.Start(hosted, run);
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

        var run = new DeliveryRun(_context, this, _ledger, session, hosted, delivery);
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
            _context.Start(hosted, run);
        }
    }

    private HostedAgent? FindTarget(AgentId agent, ulong epoch) =>
        _context.Host.TryGetType(agent.Type, out var registration) && registration.Mode == AgentMode.Stateless
            ? _context.Host.Stateless(agent, registration)
            : _context.Host.Find(agent) is { } hosted && hosted.Epoch == epoch ? hosted : null;

    private void Begin(HostedAgent hosted)
    {
        _context.InFlight.Add();
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
        if (!_context.Host.TryGetType(agent.Type, out var registration))
        {
            throw HandlerFailures.NotActivated(new InvalidOperationException($"the type '{agent.Type}' is not hosted here"), agent);
        }

        if (_context.Host.Find(agent) is { } former)
        {
            Drop(former);
        }

        SavedState saved;
        try
        {
            saved = activate.State.FromWire();
        }
        catch (MalformedPayloadException e)
        {
            throw HandlerFailures.NotActivated(e, agent);
        }

        _ = AnswerActivateAsync(session, id, _context.Host.Place(agent, activate.Epoch, registration, saved));
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
            DistributedLog.ActivationFailed(_context.Logger, hosted.Id, e);
            _context.Host.Remove(hosted);
            _ledger.Forget(hosted);
            Refuse(session, id, e, nameof(Activate));
        }
    }

    /// <summary>Answers a command that takes its time with Done, or with what it failed with.</summary>
    private async Task AnswerAsync(Session session, Message command, Task doing)
    {
        try
        {
            await doing.ConfigureAwait(false);
            session.Tell(new Message { Re = command.Id, Done = new Done() });
        }
        catch (Exception e)
        {
            Refuse(session, command, e);
        }
    }

    private async Task DeactivateAsync(Session session, Deactivate deactivate)
    {
        if (_context.Host.Find(deactivate.Agent.FromWire()) is { } hosted && hosted.Epoch == deactivate.Epoch)
        {
            try
            {
                await GiveBackAsync(session, hosted).WaitAsync(TimeSpan.FromMilliseconds(Math.Min(deactivate.TimeoutMs, uint.MaxValue - 1)), _context.Options.TimeProvider)
                    .ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                // The broker takes it now: what is here counts no more (AGT-8).
                Drop(hosted);
            }
        }
    }

    private async Task GiveBackAsync(Session session, HostedAgent hosted)
    {
        await hosted.InFlight.WhenIdleAsync().ConfigureAwait(false);
        await Saver.SaveAsync(session, hosted, always: false).ConfigureAwait(false);
        await _context.Host.RetireAsync(hosted, _context.Logger).ConfigureAwait(false);
        _ledger.Forget(hosted);
    }

    private async Task SaveAsync(Session session, SaveRequest request)
    {
        if (_context.Host.Find(request.Agent.FromWire()) is { } hosted && hosted.Epoch == request.Epoch)
        {
            await Saver.SaveAsync(session, hosted, always: true).ConfigureAwait(false);
        }
    }

    private static void RefuseUnknown(Message message)
    {
        var kind = message.KindCase.ToString();
        throw new InvalidArgumentException($"This SDK does not know messages of the kind {kind}.")
        {
            Details = new Dictionary<string, string> { ["kind"] = kind },
        };
    }

    private void Refuse(Session session, Message command, Exception cause) =>
        Refuse(session, command.Id, cause as ParleyException ?? new InternalErrorException($"{cause.GetType().Name}: {cause.Message}", cause), command.KindCase.ToString());

    private void Refuse(Session session, ulong id, ParleyException error, string kind)
    {
        if (id > 0)
        {
            session.Tell(new Message { Re = id, Error = error.ToWire() });
        }
        else
        {
            DistributedLog.MessageDropped(_context.Logger, kind, error.Message);
        }
    }

    /// <summary>Nacks an event whose agent is not here, so that it is not in flight for ever.</summary>
    private async Task RefuseAsync(Session session, Delivery delivery, AgentId recipient, ParleyException error)
    {
        DistributedLog.MessageDropped(_context.Logger, nameof(Delivery), error.Message);
        if (delivery.Position > 0)
        {
            try
            {
                await session.AskAsync(Settlement.Pending(_context, delivery.EventId, Settlement.Nack(delivery, error)), CancellationToken.None)
                    .ConfigureAwait(false);
            }
            catch (ParleyException e)
            {
                DistributedLog.SettlementRefused(_context.Logger, delivery.EventId, recipient, e.ReasonName, e.Message);
            }
        }
    }

    // An agent that could not be made has no place here any more; the broker may not have heard of that yet (AGT-6).
    private ParleyException NotHere(AgentId agent, ulong epoch) => _context.Host.Find(agent) is { } hosted
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
