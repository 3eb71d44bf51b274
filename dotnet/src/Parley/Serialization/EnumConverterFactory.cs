using System.Text.Json;
using System.Text.Json.Serialization;

namespace Parley;

/// <summary>Enumerations by name, in UPPER_SNAKE, exactly.</summary>
internal sealed class EnumConverterFactory : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsEnum;

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(EnumConverter<>).MakeGenericType(typeToConvert))!;

    private sealed class EnumConverter<T> : JsonConverter<T>
        where T : struct, Enum
    {
        private readonly Dictionary<T, string> _names = [];
        private readonly Dictionary<string, T> _values = [];

        public EnumConverter()
        {
            foreach (var name in Enum.GetNames<T>())
            {
                var value = Enum.Parse<T>(name);
                var wireName = JsonNamingPolicy.SnakeCaseUpper.ConvertName(name);
                _names.TryAdd(value, wireName);
                _values.TryAdd(wireName, value);
            }
        }

        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.TokenType == JsonTokenType.String && _values.TryGetValue(reader.GetString()!, out var value)
                ? value
                : throw new JsonException($"one of {string.Join(", ", _values.Keys)} is needed");

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
            writer.WriteStringValue(_names.TryGetValue(value, out var name)
                ? name
                : throw new NotSupportedException($"{typeof(T)} has no name for a value; only named ones can be in a message"));
    }
}
