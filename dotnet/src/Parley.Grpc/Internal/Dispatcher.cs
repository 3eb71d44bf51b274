using System.Collections.Concurrent;
using System.Globalization;
using Parley.Wire.V1;

namespace Parley;

/// <summary>What the broker asks of this process: activations, calls, events, cancellations.</summary>
/// <remarks>Everything here runs on the reading loop and only starts things; handlers run elsewhere.</remarks>
internal sealed class Dispatcher(DispatchContext context)
{
    private readonly ConcurrentDictionary<ulong, RequestRun> _running = new();
    private readonly ConcurrentDictionary<(AgentId Recipient, ulong Position), byte> _unsettled = new();

    /// <summary>Takes up one command.</summary>
    public void Handle(Message message)
    {
        try
        {
            switch (message.KindCase)
            {
                case Message.KindOneofCase.Request:
                    Take(message.Id, message.Request);
                    break;
                case Message.KindOneofCase.Delivery:
                    Take(message.Delivery);
                    break;
                case Message.KindOneofCase.Cancel:
                    if (_running.TryGetValue(message.Cancel.RequestId, out var run))
                    {
                        run.Cancel();
                    }

                    break;
                case Message.KindOneofCase.Activate:
                    Take(message.Id, message.Activate);
                    break;
                case Message.KindOneofCase.Deactivate:
                    _ = DeactivateAsync(message.Id, message.Deactivate);
                    break;
                default:
                    RefuseUnknown(message);
                    break;
            }
        }
        catch (ParleyException e)
        {
            // MSG-5, the other way round: a bad command fails alone.
            Refuse(message.Id, e, message.KindCase.ToString());
        }
        catch (Exception e)
        {
            Refuse(message.Id, new InternalErrorException($"{e.GetType().Name}: {e.Message}", e), message.KindCase.ToString());
        }
    }

    /// <summary>The session is over: the tokens of running calls fire.</summary>
    public void CancelAll()
    {
        foreach (var run in _running.Values)
        {
            run.Cancel();
        }
    }

    /// <summary>A call has been answered.</summary>
    public void Forget(ulong requestId) => _running.TryRemove(requestId, out _);

    /// <summary>An event's result has been answered, or is wanted by nobody.</summary>
    public void Forget(AgentId recipient, ulong position) => _unsettled.TryRemove((recipient, position), out _);

    private void Take(ulong id, Request request)
    {
        var target = request.Target.FromWire();
        var isRoot = request.CallChain.Count == 0;
        if (FindTarget(target, request.Epoch) is not { } hosted)
        {
            GiveBackIf(isRoot, request.Envelope.Length);
            throw NotHere(target, request.Epoch);
        }

        var run = new RequestRun(context, this, hosted, id, request);
        _running[id] = run;
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

    private void Take(Delivery delivery)
    {
        var recipient = delivery.Recipient.FromWire();
        if (FindTarget(recipient, delivery.Epoch) is not { } hosted)
        {
            GiveBackIf(true, delivery.Envelope.Length);
            _ = RefuseAsync(delivery, recipient, NotHere(recipient, delivery.Epoch));
            return;
        }

        var run = new DeliveryRun(context, this, hosted, delivery);
        if (delivery.Position > 0 && (!hosted.Enters(delivery.Round) || !_unsettled.TryAdd((recipient, delivery.Position), 0)))
        {
            // Of an older round, or running already (DLV-4).
            GiveBackIf(true, delivery.Envelope.Length);
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

    private void GiveBackIf(bool covered, int bytes)
    {
        if (covered)
        {
            context.Session.GiveBack(bytes);
        }
    }

    private void Take(ulong id, Activate activate)
    {
        var agent = activate.Agent.FromWire();
        if (!context.Host.TryGetType(agent.Type, out var registration))
        {
            throw HandlerFailures.NotActivated(new InvalidOperationException($"the type '{agent.Type}' is not hosted here"), agent);
        }

        var (hosted, former) = context.Host.Place(agent, activate.Epoch, registration);
        _ = AnswerActivateAsync(id, hosted, former);
    }

    private async Task AnswerActivateAsync(ulong id, HostedAgent hosted, HostedAgent? former)
    {
        if (former is not null)
        {
            await former.InFlight.WhenIdleAsync().ConfigureAwait(false);
            await context.DisposeAsync(former).ConfigureAwait(false);
        }

        try
        {
            await hosted.Ready.ConfigureAwait(false);
            context.Session.Tell(new Message { Re = id, Done = new Done() });
        }
        catch (ActivationFailedException e)
        {
            DistributedLog.ActivationFailed(context.Logger, hosted.Id, e);
            context.Host.Remove(hosted);
            Refuse(id, e, nameof(Activate));
        }
    }

    private async Task DeactivateAsync(ulong id, Deactivate deactivate)
    {
        if (context.Host.Find(deactivate.Agent.FromWire()) is { } hosted && hosted.Epoch == deactivate.Epoch)
        {
            await hosted.InFlight.WhenIdleAsync().ConfigureAwait(false);
            context.Host.Remove(hosted);
            await context.DisposeAsync(hosted).ConfigureAwait(false);
        }

        context.Session.Tell(new Message { Re = id, Done = new Done() });
    }

    private void RefuseUnknown(Message message)
    {
        var kind = message.KindCase.ToString();
        Refuse(message.Id, new InvalidArgumentException($"This SDK does not know messages of the kind {kind}.")
        {
            Details = new Dictionary<string, string> { ["kind"] = kind },
        }, kind);
    }

    private void Refuse(ulong id, ParleyException error, string kind)
    {
        if (id > 0)
        {
            context.Session.Tell(new Message { Re = id, Error = error.ToWire() });
        }
        else
        {
            DistributedLog.MessageDropped(context.Logger, kind, error.Message);
        }
    }

    /// <summary>Nacks an event whose agent is not here, so that it is not in flight for ever.</summary>
    private async Task RefuseAsync(Delivery delivery, AgentId recipient, ParleyException error)
    {
        DistributedLog.MessageDropped(context.Logger, nameof(Delivery), error.Message);
        if (delivery.Position > 0)
        {
            await Settlement.SendAsync(context, recipient, delivery.EventId, Settlement.Nack(delivery, error)).ConfigureAwait(false);
        }
    }

    // An agent that could not be made has its place still, until the broker has heard of it (AGT-6).
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
