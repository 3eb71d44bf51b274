using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using FsCheck;
using FsCheck.Fluent;

namespace Parley.Tests.Serialization;

public sealed record Order(string Id, int Count = 1);

public sealed record OrderPlaced(string Id);

[Message("ticket", Version = 3)]
public sealed record Ticket(string Id);

public enum Shade
{
    Red,
    DarkBlue,
}

public sealed record Paint(Shade First, Shade? Second, IReadOnlyList<Shade> More, IReadOnlyDictionary<string, Shade?> Named);

[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Paint))]
internal sealed partial class OrderJson : JsonSerializerContext;

public class RegistryTests
{
    private readonly SerializationRegistry _registry = new();

    [Fact]
    public void The_last_serializer_that_is_not_receive_only_writes_and_each_reads()
    {
        _registry.AddMessageSerializer(new Versioned("order_v1", 1));
        _registry.AddMessageSerializer(new Versioned("order_v2", 2));
        _registry.AddMessageSerializer(new Versioned("order_v3", 3) { IsReceiveOnly = true });
        var written = _registry.Encode(new Order("a"));
        Assert.Equal("order_v2", written.TypeName);
        foreach (var version in new[] { 1, 2, 3 })
        {
            var read = _registry.Decode(new SerializedMessage($"order_v{version}", ContentTypes.Json, Encoding.UTF8.GetBytes($"{version}|a")));
            Assert.Equal(new Order("a", version), read);
        }
    }

    [Fact]
    public void A_version_that_the_serializer_refuses_and_bytes_that_it_cannot_read_have_their_own_reasons()
    {
        _registry.AddMessageSerializer(new Versioned("order", 1));
        var wrong = Assert.Throws<UnsupportedVersionException>(() => Read("order", "9|a"));
        Assert.Equal("order", wrong.Details["type_name"]);
        Assert.Equal(ErrorReason.MalformedPayload, Assert.Throws<MalformedPayloadException>(() => Read("order", "?")).Reason);
    }

    [Fact]
    public void What_a_serializer_of_the_users_raises_is_not_quoted() // covers: ERR-1
    {
        _registry.AddMessageSerializer(new Versioned("order", 1));
        var raised = Assert.Throws<MalformedPayloadException>(() => Read("order", "secret|a"));
        Assert.Equal("The serializer of 'order' refuses the payload (FormatException).", raised.Message);
        Assert.Equal(new Dictionary<string, string> { ["type_name"] = "order" }, raised.Details);
        Assert.IsType<FormatException>(raised.InnerException);
        var own = Assert.Throws<MalformedPayloadException>(() => Read("order", "0|a"));
        Assert.Equal(("versions begin at 1", "order"), (own.Message, own.Details["type_name"]));
    }

    [Fact]
    public void What_is_understood_is_said_in_wire_names()
    {
        _registry.AddHandled(typeof(Order));
        _registry.AddHandled(typeof(OrderPlaced));
        Assert.Equal("Order, OrderPlaced", Understood());
        _registry.AddMessageSerializer(new Versioned("order_v1", 1));
        _registry.AddMessageSerializer(new Versioned("order_v2", 2));
        Assert.Equal("OrderPlaced, order_v1, order_v2", Understood());

        string Understood() => Assert.Throws<UnknownMessageTypeException>(() => Read("stranger", "")).Details["understood"];
    }

    [Fact]
    public void A_handlers_class_does_not_replace_what_the_user_registered()
    {
        _registry.AddMessageSerializer(new Versioned("Order", 7));
        _registry.AddHandled(typeof(Order));
        Assert.Equal(new Order("a", 7), Read("Order", "7|a"));
    }

    [Fact]
    public void Two_classes_of_one_name_are_told_apart_by_an_attribute()
    {
        _registry.AddHandled(typeof(Order));
        _registry.AddHandled(typeof(Order));
        var raised = Assert.Throws<AlreadyExistsException>(() => _registry.AddHandled(typeof(Other.Order)));
        Assert.Contains("[Message", raised.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reply_is_read_by_the_expected_class_or_by_the_one_beside_the_request()
    {
        var placed = new SerializedMessage("OrderPlaced", ContentTypes.Json, """{"id":"a"}"""u8.ToArray());
        Assert.Equal(new OrderPlaced("a"), _registry.DecodeReply(placed, typeof(OrderPlaced), typeof(string)));
        Assert.Equal(new OrderPlaced("a"), _registry.DecodeReply(placed, null, typeof(Order)));
        Assert.IsType<Other.OrderPlaced>(_registry.DecodeReply(placed, null, typeof(Other.Order)));
        var raised = Assert.Throws<UnknownMessageTypeException>(() => _registry.DecodeReply(placed, typeof(Order), typeof(string)));
        Assert.True(raised.MayHaveRun);
        var broken = placed with { Data = "{"u8.ToArray() };
        Assert.True(Assert.Throws<MalformedPayloadException>(() => _registry.DecodeReply(broken, null, typeof(Order))).MayHaveRun);
    }

    [Fact]
    public void Source_generated_type_information_gives_the_same_bytes()
    {
        var byReflection = _registry.Encode(new Order("é"));
        _registry.AddMessageType(new OrderJson(ParleyJson.CreateOptions(OrderJson.Default)).Order);
        var generated = _registry.Encode(new Order("é"));
        Assert.Equal(byReflection.Data.ToArray(), generated.Data.ToArray());
        Assert.Equal("Ticket's name is ticket_v3", $"Ticket's name is {_registry.Encode(new Ticket("x")).TypeName}");
    }

    [Fact]
    public void Enumerations_are_the_same_by_reflection_and_source_generated()
    {
        var generated = new SerializationRegistry();
        generated.AddMessageType(new OrderJson(ParleyJson.CreateOptions(OrderJson.Default)).Paint);
        _registry.AddMessageType<Paint>();
        var paint = new Paint(Shade.DarkBlue, null, [Shade.Red], new Dictionary<string, Shade?> { ["a"] = Shade.Red, ["b"] = null });
        const string Expected = """{"first":"DARK_BLUE","second":null,"more":["RED"],"named":{"a":"RED","b":null}}""";
        foreach (var messages in (SerializationRegistry[])[_registry, generated])
        {
            var encoded = messages.Encode(paint);
            Assert.Equal(Expected, Encoding.UTF8.GetString(encoded.Data.Span));
            Assert.Equal(Expected, Encoding.UTF8.GetString(messages.Encode(messages.Decode(encoded)).Data.Span));
            string[] bad = ["null", "0", "\"red\"", "\"\""];
            foreach (var payload in bad.Select(b => Expected.Replace("\"DARK_BLUE\"", b, StringComparison.Ordinal))
                .Concat(bad.Select(b => Expected.Replace("[\"RED\"]", $"[{b}]", StringComparison.Ordinal))))
            {
                var broken = encoded with { Data = Encoding.UTF8.GetBytes(payload) };
                Assert.Throws<MalformedPayloadException>(() => messages.Decode(broken));
            }

            Assert.Throws<InvalidArgumentException>(() => messages.Encode(paint with { Second = (Shade)7 }));
        }
    }

    [Theory]
    [InlineData(typeof(List<int>))]
    [InlineData(typeof(Func<int>))]
    [InlineData(typeof(object))]
    [InlineData(typeof(int))]
    [InlineData(typeof(DayOfWeek))]
    public void What_is_no_message_is_refused_at_the_sender(Type type)
    {
        var value = type == typeof(Func<int>) ? () => 1 : Activator.CreateInstance(type)!;
        Assert.Throws<InvalidArgumentException>(() => _registry.Encode(value));
    }

    [Fact]
    public void Any_value_comes_back_as_it_was() => Prop.ForAll(
        ArbMap.Default.ArbFor<string>(),
        ArbMap.Default.ArbFor<long>(),
        ArbMap.Default.ArbFor<NormalFloat>(),
        (text, number, real) =>
        {
            _registry.AddMessageType<Mixed>();
            var value = new Mixed(Clean(text), number, real.Get, [(float)real.Get], new Dictionary<string, string?> { [Clean(text)] = null });
            var back = (Mixed)_registry.Decode(_registry.Encode(value));
            return JsonSerializer.Serialize(value) == JsonSerializer.Serialize(back);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_bytes_are_read_or_malformed_and_nothing_else()
    {
        _registry.AddMessageType<Mixed>();
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
            Record.Exception(() => _registry.Decode(new SerializedMessage("Mixed", ContentTypes.Json, bytes ?? []))) is null or MalformedPayloadException)
            .QuickCheckThrowOnFailure();
    }

    private static string Clean(string? text) => new([.. (text ?? string.Empty).Where(c => !char.IsSurrogate(c))]);

    private object Read(string typeName, string data) =>
        _registry.Decode(new SerializedMessage(typeName, ContentTypes.Json, Encoding.UTF8.GetBytes(data)));

    private sealed record Mixed(string Text, long Number, double Real, IReadOnlyList<float> Reals, IReadOnlyDictionary<string, string?> Map);

    private sealed class Versioned(string name, int version) : IMessageSerializer<Order>
    {
        public string TypeName => name;

        public bool IsReceiveOnly { get; init; }

        public ReadOnlyMemory<byte> Serialize(Order message) => Encoding.UTF8.GetBytes($"{version}|{message.Id}");

        public Order Deserialize(ReadOnlyMemory<byte> data)
        {
            var parts = Encoding.UTF8.GetString(data.Span).Split('|');
            if (parts[0] == "0")
            {
                throw new MalformedPayloadException("versions begin at 1");
            }

            return int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture) == version
                ? new Order(parts[1], version)
                : throw new UnsupportedVersionException($"version {parts[0]} is not {version}");
        }
    }
}
