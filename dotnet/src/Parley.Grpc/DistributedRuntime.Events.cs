using Parley.Wire.V1;

namespace Parley;

public sealed partial class DistributedRuntime
{
    /// <inheritdoc />
    public async Task PublishMessageAsync(
        object message, TopicId topic, PublishOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(message);
        topic.ThrowIfDefault();
        cancellationToken.ThrowIfCancellationRequested();
        ThrowIfNotRunning();
        var budget = CallBudget.Of(null, _options.DefaultTimeout, CallScope.Current, _options.TimeProvider);
        var publish = new Publish
        {
            Topic = topic.ToWire(),
            EventId = Names.CheckText(options?.MessageId, "message_id", Names.MaxIdBytes) ?? string.Empty,
            Ephemeral = options?.Ephemeral == true,
            Envelope = Enclose(message, options?.MessageId),
        };
        if (options?.Sender is { } sender)
        {
            (publish.Sender, publish.SenderEpoch) = (sender.ToWire(), EpochOf(sender));
        }

        if (CallScope.Current?.HeldFor(options?.Sender, options?.Immediate == true)?.TryHold(publish) == true)
        {
            // It leaves with what the handler's message commits, or not at all (STA-6).
            return;
        }

        var pending = new PendingPublish(topic, budget, new Message { Publish = publish })
        {
            CoveredBytes = publish.Envelope.Length,
            // Its number tells the broker that it came before (PUB-4); an ephemeral one has none, and is for at most once.
            IsRepeatable = !publish.Ephemeral,
        };
        var answer = await _uplink.AskAsync(pending, cancellationToken).ConfigureAwait(false);
        if (answer.Published is { Recipients: 0, Duplicate: false })
        {
            _noRecipients.Warn(topic);
        }
    }
}
