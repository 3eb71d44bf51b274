using Google.Protobuf.WellKnownTypes;

namespace Parley.Trimmed;

/// <summary>Where events go that came.</summary>
internal sealed class Seen
{
    public TaskCompletionSource<Shipped> Shipped { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>Delegates as handlers.</summary>
[TypeSubscription("shipping")]
internal sealed class OrderAgent : RoutedAgent
{
    public OrderAgent(Seen seen)
    {
        var count = 0;
        HandleRpc<Order, OrderPlaced>((order, _) => new(new OrderPlaced(order.Id, ++count)));
        HandleRpc<StringValue, StringValue>((text, _) => new(new StringValue { Value = text.Value + "!" }));
        HandleEvent<Shipped>((shipped, _) =>
        {
            seen.Shipped.TrySetResult(shipped);
            return default;
        });
    }
}

/// <summary>State with source-generated type information.</summary>
internal sealed class LedgerAgent : RoutedAgent<Ledger>
{
    public LedgerAgent()
        : base(Canonical.Json.Ledger) =>
        HandleRpc<Order, OrderPlaced>((order, _) => new(new OrderPlaced(order.Id, ++State.Count)));
}

/// <summary>A marked method: it works where code can be made at run time, trimmed or not.</summary>
internal sealed class MarkedAgent : RoutedAgent
{
    private int _count;

    [RpcMethod]
    private OrderPlaced OnOrder(Order order) => new(order.Id, ++_count);
}
