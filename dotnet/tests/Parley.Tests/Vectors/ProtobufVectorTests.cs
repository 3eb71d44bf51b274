using System.Collections;
using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Parley.Vectors.V1;

namespace Parley.Tests.Vectors;

public class ProtobufVectorTests
{
    private const string File = "protobuf.json";

    public static TheoryData<string> Ids => [.. VectorFile.Payloads(File).Select(v => v.GetProperty("id").GetString()!)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_payload_is_encoded_and_decoded_as_the_vector_says(string id)
    {
        var vector = VectorFile.Payload(File, id);
        var descriptor = MessagesReflection.Descriptor.FindTypeByName<MessageDescriptor>(vector.GetProperty("type").GetString()!);
        var registry = new SerializationRegistry();
        typeof(SerializationRegistry).GetMethod(nameof(SerializationRegistry.AddMessageType), [])!
            .MakeGenericMethod(descriptor.ClrType).Invoke(registry, null);
        var value = vector.TryGetProperty("value", out var written) ? Read(written, descriptor) : null;
        var inputs = vector.TryGetProperty("inputs", out var list) ? list.EnumerateArray().Select(VectorFile.Data) : [];
        object Decode(byte[] data) => registry.Decode(new SerializedMessage(descriptor.FullName, ContentTypes.Protobuf, data));

        if (vector.TryGetProperty("error", out var error))
        {
            foreach (var input in inputs)
            {
                Assert.Equal(error.GetProperty("reason").GetString(), Assert.ThrowsAny<ParleyException>(() => Decode(input)).ReasonName);
            }

            return;
        }

        if (vector.TryGetProperty("encoded", out var encoded))
        {
            var bytes = registry.Encode(value!);
            Assert.Equal((descriptor.FullName, ContentTypes.Protobuf), (bytes.TypeName, bytes.ContentType));
            Assert.Equal(value, descriptor.Parser.ParseFrom(bytes.Data.Span));
            inputs = inputs.Append(VectorFile.Data(encoded)).Append(bytes.Data.ToArray());
        }

        Assert.All(inputs, input => Assert.Equal(WithoutUnknown(value!), WithoutUnknown((IMessage)Decode(input))));
    }

    [Fact]
    public void The_other_spelling_of_the_content_type_is_read()
    {
        var registry = new SerializationRegistry();
        registry.AddMessageType<Parley.Vectors.V1.Texts>();
        var data = new Parley.Vectors.V1.Texts { Text = "a" }.ToByteArray();
        var read = registry.Decode(new SerializedMessage("parley.vectors.v1.Texts", "application/x-protobuf", data));
        Assert.Equal("a", Assert.IsType<Parley.Vectors.V1.Texts>(read).Text);
    }

    private static string WithoutUnknown(IMessage message) => JsonFormatter.Default.Format(message);

    private static IMessage Read(JsonElement value, MessageDescriptor descriptor)
    {
        var message = (IMessage)Activator.CreateInstance(descriptor.ClrType)!;
        foreach (var field in descriptor.Fields.InDeclarationOrder())
        {
            var member = value.GetProperty(field.Name);
            if (field.IsMap)
            {
                var map = (IDictionary)field.Accessor.GetValue(message);
                foreach (var (key, item) in Pairs(member))
                {
                    map[key] = Single(item, field.MessageType.FindFieldByNumber(2));
                }
            }
            else if (field.IsRepeated)
            {
                var items = (IList)field.Accessor.GetValue(message);
                foreach (var item in member.EnumerateArray())
                {
                    items.Add(Single(item, field));
                }
            }
            else if (member.ValueKind != JsonValueKind.Null)
            {
                field.Accessor.SetValue(message, Single(member, field));
            }
        }

        return message;
    }

    private static IEnumerable<(string Key, JsonElement Value)> Pairs(JsonElement map) => map.TryGetProperty("$map", out var list)
        ? list.EnumerateArray().Select(p => (VectorFile.Text(p[0]), p[1]))
        : map.EnumerateObject().Select(m => (m.Name, m.Value));

    private static object Single(JsonElement value, FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message when field.MessageType == Timestamp.Descriptor =>
            Timestamp.FromDateTimeOffset(DateTimeOffset.Parse(value.GetProperty("$time").GetString()!, CultureInfo.InvariantCulture)),
        FieldType.Message => Read(value, field.MessageType),
        // The one enumeration of messages.proto.
        FieldType.Enum => (Parley.Vectors.V1.Choice.Types.Color)field.EnumType.FindValueByName(value.GetString()!).Number,
        FieldType.Bytes => ByteString.FromBase64(value.GetProperty("$bytes").GetString()!),
        FieldType.String => VectorFile.Text(value),
        FieldType.Bool => value.GetBoolean(),
        FieldType.Double => Notation.Read(value, typeof(double))!,
        FieldType.Float => Notation.Read(value, typeof(float))!,
        FieldType.UInt64 => Notation.Read(value, typeof(ulong))!,
        FieldType.Int64 => Notation.Read(value, typeof(long))!,
        _ => Notation.Read(value, typeof(int))!,
    };
}
