namespace Parley;

public sealed partial class InProcessRuntime
{
    private TaskCompletionSource _hostAdded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc />
    public async Task<T> SendMessageAsync<T>(
        object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default) =>
        Results.As<T>(await SendMessageAsync(message, recipient, options, cancellationToken).ConfigureAwait(false), recipient);

    /// <inheritdoc />
    public async Task<object?> SendMessageAsync(
        object message, AgentId recipient, SendOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        recipient.ThrowIfDefault();
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfNotRunning();
        var messageId = Names.CheckText(options?.MessageId, "message_id") ?? NewMessageId();
        var key = Names.CheckText(options?.IdempotencyKey, "idempotency_key", Names.MaxIdBytes);
        var chain = CallScope.ChainOfNewCall();
        var budget = CallBudget.Of(options?.Timeout, _options.DefaultTimeout, CallScope.Current, _options.TimeProvider);
        Task<object?> RunAsync(CancellationToken token) => CallAsync(message, recipient, options, messageId, chain, budget, token);
        return await (key is null
            ? RunAsync(cancellationToken)
            : _remembered.RunAsync(recipient, key, _messages.Encode(message), budget, RunAsync, cancellationToken)).ConfigureAwait(false);
    }

    private async Task<object?> CallAsync(
        object message, AgentId recipient, SendOptions? options, string messageId, IReadOnlyList<AgentId> chain, CallBudget budget, CancellationToken cancellationToken)
    {
        var registration = await FindHostAsync(recipient, options?.WaitForReady == true, budget, cancellationToken).ConfigureAwait(false);

        if (registration.IsEffectivelyOnce && chain.Contains(recipient))
        {
            throw new CallCycleException($"{recipient} handles one message at a time, and waits for this call itself.")
            {
                Details = new Dictionary<string, string> { ["agent"] = recipient.ToString() },
            };
        }

        var call = new Call(budget, recipient, new HandlerToken(recipient, _logger));
        var context = new MessageContext(options?.Sender, null, IsRpc: true, messageId, call.Token)
        {
            Deadline = budget.Deadline,
        };
        var scope = new CallScope(recipient, 0, [.. chain, recipient], budget.Deadline) { Held = registration.IsEffectivelyOnce ? new HeldPublishes() : null };
        _inFlight.Add();
        var hosted = _host.FindOrPlace(recipient, registration);
        var run = new CallRun(this, hosted, registration, message, context, scope, call);
        if (!hosted.IsEffectivelyOnce || hosted.Events.TryStart(run))
        {
            hosted.Start(run);
        }

        return await budget.MarkAsync(call.WaitAsync(_options.TimeProvider, budget.Deadline.Remaining, cancellationToken)).ConfigureAwait(false);
    }

    private async Task<AgentRegistration> FindHostAsync(AgentId agent, bool wait, CallBudget budget, CancellationToken cancellationToken)
    {
        while (true)
        {
            var added = Volatile.Read(ref _hostAdded).Task;
            if (_host.TryGetType(agent.Type, out var registration)
                && (registration.Factory is not null || registration.Pinned.ContainsKey(agent.Key)))
            {
                return registration;
            }

            if (!wait)
            {
                throw NoResponders(agent);
            }

            try
            {
                await added.WaitAsync(budget.Deadline.Remaining, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException)
            {
                throw budget.Exceeded($"Nobody came to host '{agent.Type}'", mayHaveRun: false);
            }
        }
    }

    private void AnnounceHost() =>
        Interlocked.Exchange(ref _hostAdded, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    private static string NewMessageId() => Guid.NewGuid().ToString("N");

    private sealed class Call(CallBudget budget, AgentId recipient, HandlerToken token) : PendingCall<object?>
    {
        public CancellationToken Token => token.Token;

        public bool HasStarted { get; set; }

        protected override Exception DeadlineError() => budget.Exceeded($"{recipient} did not answer", HasStarted);

        protected override void OnAbandoned(bool cancelled) => token.Fire();
    }

    private sealed class CallRun(
        InProcessRuntime runtime, HostedAgent hosted, AgentRegistration registration, object message, MessageContext context, CallScope scope, Call call)
        : HandlerRun
    {
        public override async Task RunAsync()
        {
            var (hasRun, hasCommitted) = (false, false);
            try
            {
                // In the agent's turn, as the handler itself.
                var agent = await runtime._host.ReadyAsync(hosted).ConfigureAwait(true);
                if (!call.HasEnded)
                {
                    hasRun = call.HasStarted = true;
                    CallScope.Enter(scope);
                    var result = await agent.OnMessageAsync(message, context).ConfigureAwait(hosted.IsEffectivelyOnce);
                    await CommitAsync(hosted, agent, scope).ConfigureAwait(false);
                    hasCommitted = true;
                    call.TrySetResult(result);
                }
            }
            catch (ActivationFailedException e) when (!call.HasStarted)
            {
                runtime._host.Remove(hosted);
                call.TrySetException(e);
            }
            catch (Exception e)
            {
                call.TrySetException(HandlerFailures.Of(e, hosted.Id, message, call.Token));
            }
            finally
            {
                scope.Held?.Close();
                await runtime.EndTurnAsync(hosted, isTouched: hasRun && !hasCommitted).ConfigureAwait(false);
                await runtime.EndAsync(hosted, registration).ConfigureAwait(false);
            }
        }
    }
}
