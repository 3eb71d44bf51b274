using System.Text.Json;

namespace Parley.Tests.Vectors;

public class JsonVectorTests
{
    private const string File = "json.json";

    private static readonly Dictionary<string, Type> Types = typeof(JsonVectorTests).Assembly.GetTypes()
        .Where(t => t.Namespace == typeof(Numbers).Namespace && t.IsClass && t.GetMethod("<Clone>$") is not null).ToDictionary(t => t.Name);

    private readonly SerializationRegistry _registry = new();

    public static TheoryData<string> Ids => [.. VectorFile.Payloads(File).Select(v => v.GetProperty("id").GetString()!)];

    [Theory]
    [MemberData(nameof(Ids))]
    public void A_payload_is_encoded_and_decoded_as_the_vector_says(string id)
    {
        var vector = VectorFile.Payload(File, id);
        var type = Types[vector.GetProperty("type").GetString()!];
        var codec = MessageCodec.DefaultFor(type);
        typeof(SerializationRegistry).GetMethod(nameof(SerializationRegistry.AddMessageType), [])!.MakeGenericMethod(type).Invoke(_registry, null);
        var value = vector.TryGetProperty("value", out var written) ? Notation.Read(written, type) : null;
        var inputs = vector.TryGetProperty("inputs", out var list) ? list.EnumerateArray().Select(VectorFile.Data) : [];

        if (vector.TryGetProperty("error", out var error))
        {
            foreach (var attempt in value is not null ? [() => Encode(value)] : inputs.Select(i => (Action)(() => Decode(codec, i))))
            {
                Refused(attempt, error);
            }

            return;
        }

        if (vector.TryGetProperty("encoded", out var encoded))
        {
            var bytes = _registry.Encode(value!);
            Assert.Equal(codec.TypeName, bytes.TypeName);
            Assert.Equal(Json.Show(JsonDocument.Parse(VectorFile.Data(encoded)).RootElement), Json.Show(JsonDocument.Parse(bytes.Data).RootElement));
            inputs = inputs.Append(VectorFile.Data(encoded)).Append(bytes.Data.ToArray());
        }

        foreach (var input in inputs)
        {
            Assert.Equal(Notation.Show(value), Notation.Show(Decode(codec, input)));
        }
    }

    [Fact]
    public void Types_have_the_wire_names_of_the_vocabulary()
    {
        foreach (var type in VectorFile.Read("types.json").GetProperty("types").EnumerateArray())
        {
            Assert.Equal(type.GetProperty("wire_name").GetString(), MessageNames.Of(Types[type.GetProperty("name").GetString()!]));
        }
    }

    [Fact]
    public void Names_are_written_as_the_vectors_say()
    {
        var names = VectorFile.Read("names.json");
        foreach (var (list, policy) in new[] { ("members", JsonNamingPolicy.SnakeCaseLower), ("enumerations", JsonNamingPolicy.SnakeCaseUpper) })
        {
            foreach (var name in names.GetProperty(list).EnumerateArray())
            {
                Assert.Equal(name.GetProperty("wire").GetString(), policy.ConvertName(name.GetProperty("written").GetString()!));
            }
        }
    }

    private SerializedMessage Encode(object value) => _registry.Encode(value);

    private object Decode(MessageCodec codec, byte[] input) => _registry.Decode(new SerializedMessage(codec.TypeName, ContentTypes.Json, input));

    private static void Refused(Action attempt, JsonElement error)
    {
        var raised = Assert.ThrowsAny<ParleyException>(attempt);
        Assert.Equal(error.GetProperty("reason").GetString(), raised.ReasonName);
        if (error.TryGetProperty("names", out var names))
        {
            Assert.Contains(names.GetString()!, raised.Message, StringComparison.Ordinal);
            Assert.Contains(names.GetString()!, raised.Details["member"], StringComparison.Ordinal);
        }
    }
}
