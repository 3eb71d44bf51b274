using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Parley;

/// <summary>Enumerations by name, in UPPER_SNAKE, exactly.</summary>
/// <remarks>
/// One converter for all of them, and for what may be null of them: generic ones would have to be made by reflection, which ahead-of-time
/// compilation forbids.
/// </remarks>
internal sealed class EnumConverter : JsonConverter<object>
{
    private readonly ConcurrentDictionary<Type, Names> _names = new();

    public override bool CanConvert(Type typeToConvert) => Plain(typeToConvert).IsEnum;

    public override object Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var values = NamesOf(Plain(typeToConvert)).Values;
        return reader.TokenType == JsonTokenType.String && values.TryGetValue(reader.GetString()!, out var value)
            ? value
            : throw new JsonException($"one of {string.Join(", ", values.Keys)} is needed");
    }

    public override void Write(Utf8JsonWriter writer, object value, JsonSerializerOptions options) =>
        writer.WriteStringValue(NamesOf(value.GetType()).WireNames.TryGetValue(value, out var name)
            ? name
            : throw new NotSupportedException($"{value.GetType()} has no name for a value; only named ones can be in a message"));

    private static Type Plain(Type type) => Nullable.GetUnderlyingType(type) ?? type;

    private Names NamesOf(Type type) => _names.GetOrAdd(type, static t => new Names(t));

    private sealed class Names
    {
        public Names(Type type)
        {
            foreach (var name in Enum.GetNames(type))
            {
                var value = Enum.Parse(type, name);
                var wireName = JsonNamingPolicy.SnakeCaseUpper.ConvertName(name);
                WireNames.TryAdd(value, wireName);
                Values.TryAdd(wireName, value);
            }
        }

        public Dictionary<object, string> WireNames { get; } = [];

        public Dictionary<string, object> Values { get; } = [];
    }
}
