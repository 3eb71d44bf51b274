using Parley.Wire.V1;

namespace Parley;

public sealed partial class DistributedRuntime
{
    // What every session is told, in the order asked for.
    private readonly List<Subscription> _subscriptions = [];

    /// <inheritdoc />
    public async Task<AgentType> RegisterAgentFactoryAsync(
        string type, Func<ValueTask<IAgent>> factory, RegisterOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(factory);
        var chosen = options ?? new RegisterOptions();
        var registration = _host.AddFactory(type, factory, chosen);
        await AnnounceAsync(registration, chosen, cancellationToken).ConfigureAwait(false);
        return new AgentType(type);
    }

    /// <inheritdoc />
    public async Task RegisterAgentInstanceAsync(
        AgentId id, IAgent agent, RegisterOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(agent);
        id.ThrowIfDefault();
        var chosen = (options ?? new RegisterOptions()) with { AgentClass = options?.AgentClass ?? agent.GetType() };
        var registration = _host.AddInstance(id, agent, chosen);
        await AnnounceAsync(registration, chosen, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async Task AddSubscriptionAsync(Subscription subscription, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subscription);
        Remember([subscription]);
        if (Volatile.Read(ref _starting) is not null)
        {
            await SubscribeAsync(subscription, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc />
    public async Task RemoveSubscriptionAsync(Subscription subscription, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subscription);
        ThrowIfNotRunning();
        lock (_subscriptions)
        {
            _subscriptions.RemoveAll(s => s == subscription);
        }

        var command = new Message { Unsubscribe = new Unsubscribe { Subscription = subscription.ToWire() } };
        await CommandAsync(command, $"Removing {subscription}", cancellationToken).ConfigureAwait(false);
    }

    private async Task AnnounceAsync(AgentRegistration registration, RegisterOptions options, CancellationToken cancellationToken)
    {
        Subscription[] subscriptions = [.. AgentRegistration.SubscriptionsOf(registration.Type, options)];
        if (Volatile.Read(ref _starting) is null)
        {
            Remember(subscriptions);
            return;
        }

        try
        {
            await RegisterAsync(registration, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _host.RemoveType(registration);
            throw;
        }

        foreach (var subscription in subscriptions)
        {
            await AddSubscriptionAsync(subscription, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task AnnounceAllAsync(CancellationToken cancellationToken)
    {
        // Types before subscriptions: one that is not durable ends when nobody hosts its type.
        await Task.WhenAll(_host.Types.Select(t => RegisterAsync(t, cancellationToken))).ConfigureAwait(false);
        await Task.WhenAll(Subscriptions().Select(s => SubscribeAsync(s, cancellationToken))).ConfigureAwait(false);
    }

    private void Remember(IEnumerable<Subscription> subscriptions)
    {
        lock (_subscriptions)
        {
            _subscriptions.AddRange(subscriptions);
        }
    }

    private Subscription[] Subscriptions()
    {
        lock (_subscriptions)
        {
            return [.. _subscriptions.Distinct()];
        }
    }

    private Task SubscribeAsync(Subscription subscription, CancellationToken cancellationToken) =>
        CommandAsync(Commands.Subscribe(subscription), $"Adding {subscription}", cancellationToken);

    private async Task RegisterAsync(AgentRegistration registration, CancellationToken cancellationToken)
    {
        await CommandAsync(Commands.Register(registration), $"Registering '{registration.Type}'", cancellationToken).ConfigureAwait(false);
        DistributedLog.Registered(_logger, registration.Type, registration.Mode);
    }

    private async Task CommandAsync(Message command, string what, CancellationToken cancellationToken)
    {
        var budget = CallBudget.Of(null, _options.ConnectTimeout, null, _options.TimeProvider);
        await _uplink.AskAsync(new PendingCommand(what, budget, command) { IsRepeatable = true }, cancellationToken).ConfigureAwait(false);
    }
}
