using System.Collections.Concurrent;

namespace Parley;

public sealed partial class InProcessRuntime
{
    private readonly ConcurrentDictionary<Subscription, Subscription> _subscriptions = new(SubscriptionIdentity.Instance);

    /// <inheritdoc />
    public Task AddSubscriptionAsync(Subscription subscription, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subscription);
        _subscriptions[subscription] = subscription;
        return Task.CompletedTask;
    }

    /// <inheritdoc />
    public Task RemoveSubscriptionAsync(Subscription subscription, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(subscription);
        return _subscriptions.TryRemove(subscription, out _) ? Task.CompletedTask : throw new NotFoundException($"There is no {subscription}.");
    }

    /// <inheritdoc />
    public Task PublishMessageAsync(
        object message, TopicId topic, PublishOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        topic.ThrowIfDefault();
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfNotRunning();
        var messageId = Names.CheckText(options?.MessageId, "message_id", Names.MaxIdBytes) ?? NewMessageId();
        if (CallScope.Current?.HeldFor(options?.Sender, options?.Immediate == true) is { } held
            && held.TryHold((Action)(() => Deliver(message, topic, options?.Sender, messageId))))
        {
            // It leaves with what the handler's message commits, or not at all (STA-6).
            return Task.CompletedTask;
        }

        Deliver(message, topic, options?.Sender, messageId);
        return Task.CompletedTask;
    }

    private void Deliver(object message, TopicId topic, AgentId? sender, string messageId)
    {
        var recipients = _subscriptions.Values.Where(s => s.Matches(topic)).Select(s => s.Recipient(topic)).Distinct()
            .Where(r => r != sender).ToArray();
        if (recipients.Length == 0)
        {
            _noRecipients.Warn(topic);
        }

        foreach (var recipient in recipients)
        {
            // Nothing is stored: an agent that nobody hosts gets nothing.
            if (_host.TryGetType(recipient.Type, out var registration)
                && (registration.Factory is not null || registration.Pinned.ContainsKey(recipient.Key)))
            {
                Deliver(message, topic, sender, messageId, recipient, registration);
            }
        }
    }

    /// <summary>The handler of an effectively-once agent has succeeded: its state counts from now on, and what it published leaves.</summary>
    private static async Task CommitAsync(HostedAgent hosted, IAgent agent, CallScope scope)
    {
        if (!hosted.IsEffectivelyOnce || hosted.State is not { } keeper)
        {
            return;
        }

        var publishes = scope.Held?.Close() ?? [];
        keeper.Said(await keeper.TakeAsync(agent).ConfigureAwait(true));
        foreach (var publish in publishes)
        {
            ((Action)publish)();
        }
    }

    /// <summary>A run has ended: after a failure an effectively-once agent is made anew, then the next run of its lane starts (STA-5).</summary>
    private async Task EndTurnAsync(HostedAgent hosted, bool isTouched)
    {
        if (!hosted.IsEffectivelyOnce)
        {
            return;
        }

        if (isTouched)
        {
            await _host.RebuildAsync(hosted).ConfigureAwait(false);
        }

        if (hosted.Events.Next() is { } next)
        {
            hosted.Start(next);
        }
    }

    private void Deliver(
        object message, TopicId topic, AgentId? sender, string messageId, AgentId recipient, AgentRegistration registration)
    {
        _inFlight.Add();
        var hosted = _host.FindOrPlace(recipient, registration);
        var run = new EventRun(this, hosted, registration, message, topic, sender, messageId);
        if (hosted.Events.TryStart(run))
        {
            hosted.Start(run);
        }
    }

    private sealed class EventRun(
        InProcessRuntime runtime, HostedAgent hosted, AgentRegistration registration, object message, TopicId topic, AgentId? sender, string messageId)
        : HandlerRun
    {
        public override async Task RunAsync()
        {
            using var limit = new CancellationTokenSource(runtime._options.EventTimeout, runtime._options.TimeProvider);
            using var told = new LinkedHandlerToken(hosted.Id, runtime._logger, limit.Token, runtime._stopped.Token);
            using var blocked = hosted.IsStateless ? null : new BlockedAgentWarning(hosted.Id, runtime._options.TimeProvider, runtime._logger);
            var scope = new CallScope(hosted.Id, 0, hosted.Alone, null) { Held = hosted.IsEffectivelyOnce ? new HeldPublishes() : null };
            var (hasRun, hasCommitted) = (false, false);
            try
            {
                // In the agent's turn, as the handler itself.
                var agent = await runtime._host.ReadyAsync(hosted).ConfigureAwait(true);
                hasRun = true;
                CallScope.Enter(scope);
                await agent.OnMessageAsync(message, new MessageContext(sender, topic, IsRpc: false, messageId, told.Token))
                    .ConfigureAwait(hosted.IsEffectivelyOnce);
                await CommitAsync(hosted, agent, scope).ConfigureAwait(false);
                hasCommitted = true;
            }
            catch (UnhandledMessageException e) when (e.IsAbout(message))
            {
                Log.EventIgnored(runtime._logger, messageId, topic, hosted.Id, e.Message);
            }
            catch (Exception e)
            {
                var failure = e as ActivationFailedException ?? HandlerFailures.Of(e, hosted.Id, message, told.Token);
                Log.EventFailed(runtime._logger, messageId, topic, hosted.Id, failure.ReasonName, e);
            }
            finally
            {
                scope.Held?.Close();
                if (hosted.IsEffectivelyOnce)
                {
                    await runtime.EndTurnAsync(hosted, isTouched: hasRun && !hasCommitted).ConfigureAwait(false);
                }
                else if (hosted.Events.Next() is { } next)
                {
                    hosted.Start(next);
                }

                await runtime.EndAsync(hosted, registration).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Durability is no part of what a subscription is (SUB-2).</summary>
    private sealed class SubscriptionIdentity : IEqualityComparer<Subscription>
    {
        public static readonly SubscriptionIdentity Instance = new();

        public bool Equals(Subscription? x, Subscription? y) => Key(x) == Key(y);

        public int GetHashCode(Subscription obj) => Key(obj).GetHashCode();

        private static (Type?, string?, string?) Key(Subscription? subscription) => (subscription?.GetType(), subscription?.AgentType, subscription switch
        {
            TypeSubscription exact => exact.TopicType,
            TypePrefixSubscription prefix => prefix.TopicTypePrefix,
            _ => subscription?.ToString(),
        });
    }
}
