using System.Runtime.CompilerServices;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Parley;
using Parley.Trimmed;

// Without an argument: in-process; with a broker's address: in a host, through that broker. Exits with 0 if everything is as promised.
var order = new Order("a1", Size.ExtraLarge, null, [Size.Small, Size.ExtraLarge], new Dictionary<string, double> { ["net"] = 1.5 });
CheckBytes();
var seen = new Seen();
if (args is [var url])
{
    var builder = Host.CreateApplicationBuilder();
    builder.Configuration["Parley:BrokerUrl"] = url;
    builder.Configuration["Parley:DefaultTimeout"] = "00:00:20";
    builder.Services.AddSingleton(seen);
    builder.Services.AddParley().Configure((_, runtime) => AddMessages(runtime)).AddAgent<OrderAgent>("orders");
    using var host = builder.Build();
    await host.StartAsync();
    await TalkAsync(host.Services.GetRequiredService<IAgentRuntime>());
    await host.StopAsync();
}
else
{
    await using var runtime = new InProcessRuntime();
    await AddMessages(runtime);
    await RoutedAgent.RegisterAsync(runtime, "orders", () => new OrderAgent(seen));
    await RoutedAgent.RegisterAsync(runtime, "ledger", () => new LedgerAgent());
    await runtime.StartAsync();
    await TalkAsync(runtime);
    await KeepStateAsync(runtime);
    await CallMarkedAsync(runtime);
}

Console.WriteLine("as promised");

static Task AddMessages(IAgentRuntime runtime)
{
    runtime.AddMessageType(Canonical.Json.Order);
    runtime.AddMessageType(Canonical.Json.OrderPlaced);
    runtime.AddMessageType(Canonical.Json.Shipped);
    runtime.AddMessageSerializer(new ProtobufMessageSerializer<StringValue>());
    return Task.CompletedTask;
}

async Task TalkAsync(IAgentRuntime runtime)
{
    var agent = new AgentId("orders", "default");
    Same(new OrderPlaced("a1", 1), await runtime.SendMessageAsync<OrderPlaced>(order, agent));
    Same("hi!", (await runtime.SendMessageAsync<StringValue>(new StringValue { Value = "hi" }, agent)).Value);
    await runtime.PublishMessageAsync(new Shipped("a2"), new TopicId("shipping"));
    Same(new Shipped("a2"), await seen.Shipped.Task.WaitAsync(TimeSpan.FromSeconds(20)));
}

async Task KeepStateAsync(IAgentRuntime runtime)
{
    var agent = new AgentId("ledger", "default");
    await runtime.SendMessageAsync<OrderPlaced>(order, agent);
    var state = await runtime.SaveAgentStateAsync(agent);
    Same("""{"count":1}""", state.GetRawText());
    await runtime.LoadAgentStateAsync(agent, state);
    Same(new OrderPlaced("a1", 2), await runtime.SendMessageAsync<OrderPlaced>(order, agent));
}

async Task CallMarkedAsync(IAgentRuntime runtime)
{
    try
    {
        await RoutedAgent.RegisterAsync(runtime, "marked", () => new MarkedAgent());
    }
    catch (InvalidOperationException e) when (!RuntimeFeature.IsDynamicCodeSupported && e.Message.Contains("HandleRpc", StringComparison.Ordinal))
    {
        return;
    }

    Same(new OrderPlaced("a1", 1), await runtime.SendMessageAsync<OrderPlaced>(order, new AgentId("marked", "default")));
}

void CheckBytes()
{
    var messages = new SerializationRegistry();
    messages.AddMessageType(Canonical.Json.Order);
    var encoded = messages.Encode(order);
    const string Expected = """{"id":"a1","size":"EXTRA_LARGE","other":null,"all":["SMALL","EXTRA_LARGE"],"prices":{"net":1.5}}""";
    Same(Expected, System.Text.Encoding.UTF8.GetString(encoded.Data.Span));
    Same(Size.ExtraLarge, ((Order)messages.Decode(encoded)).All[1]);
    messages.AddMessageType(Canonical.Json.Labels);
    Refuses(new Stranger("x"), "AddMessageType(JsonTypeInfo<T>)");
    Refuses(new Labels(["x"]), "'all_labels': System.Collections.Generic.HashSet`1[System.String] cannot be in a message: it is a set");

    void Refuses(object message, string why)
    {
        try
        {
            messages.Encode(message);
        }
        catch (InvalidArgumentException e) when (e.Message.Contains(why, StringComparison.Ordinal))
        {
            return;
        }

        throw new InvalidOperationException($"{message} was sent, though: {why}");
    }
}

static void Same<T>(T expected, T actual)
{
    if (!Equals(expected, actual))
    {
        throw new InvalidOperationException($"expected {expected}, was {actual}");
    }
}
