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
        if (options?.IdempotencyKey is not null)
        {
            throw new NotSupportedException("Idempotency keys are not available in this version.");
        }

        var chain = CallScope.ChainOfNewCall();
        var budget = CallBudget.Of(options?.Timeout, _options.DefaultTimeout, CallScope.Current, _options.TimeProvider);
        var registration = await FindHostAsync(recipient, options?.WaitForReady == true, budget, cancellationToken).ConfigureAwait(false);

        var call = new Call(budget, recipient, new CancellationTokenSource());
        var context = new MessageContext(options?.Sender, null, IsRpc: true, Names.CheckText(options?.MessageId, "message_id") ?? NewMessageId(), call.Token)
        {
            Deadline = budget.Deadline,
        };
        var scope = new CallScope(recipient, 0, [.. chain, recipient], budget.Deadline);
        _inFlight.Add();
        var hosted = _host.FindOrPlace(recipient, registration);
        hosted.Start(new CallRun(this, hosted, registration, message, context, scope, call));
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

    private sealed class Call(CallBudget budget, AgentId recipient, CancellationTokenSource abandoned) : PendingCall<object?>
    {
        public CancellationToken Token => abandoned.Token;

        public bool HasStarted { get; set; }

        protected override Exception DeadlineError() => budget.Exceeded($"{recipient} did not answer", HasStarted);

        protected override void OnAbandoned(bool cancelled) => abandoned.Cancel();
    }

    private sealed class CallRun(
        InProcessRuntime runtime, HostedAgent hosted, AgentRegistration registration, object message, MessageContext context, CallScope scope, Call call)
        : HandlerRun
    {
        public override async Task RunAsync()
        {
            try
            {
                // In the agent's turn, as the handler itself.
                var agent = await hosted.Ready.ConfigureAwait(true);
                if (!call.Task.IsCompleted)
                {
                    call.HasStarted = true;
                    CallScope.Enter(scope);
                    call.TrySetResult(await agent.OnMessageAsync(message, context).ConfigureAwait(false));
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
                await runtime.EndAsync(hosted, registration).ConfigureAwait(false);
            }
        }
    }
}
