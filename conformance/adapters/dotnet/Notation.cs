using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ParleyAdapter.Vectors;

/// <summary>Values as the vectors write them (conformance/vectors/README.md), to and from the classes of <see cref="Names"/> and its kin.</summary>
internal static class Notation
{
    private const long ExactInDouble = 1L << 53;

    public const string MomentFormat = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz";

    /// <summary>The object that a value says.</summary>
    public static object? Read(JsonElement value, Type type)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        type = Nullable.GetUnderlyingType(type) ?? type;
        return type switch
        {
            _ when type == typeof(bool) => value.GetBoolean(),
            _ when type == typeof(int) => int.Parse(Number(value), CultureInfo.InvariantCulture),
            _ when type == typeof(long) => long.Parse(Number(value), CultureInfo.InvariantCulture),
            _ when type == typeof(ulong) => ulong.Parse(Number(value), CultureInfo.InvariantCulture),
            _ when type == typeof(float) => float.Parse(Number(value), CultureInfo.InvariantCulture),
            _ when type == typeof(double) => double.Parse(Number(value), CultureInfo.InvariantCulture),
            _ when type == typeof(string) => Text(value),
            _ when type == typeof(byte[]) => value.GetProperty("$bytes").GetBytesFromBase64(),
            _ when type == typeof(DateTimeOffset) => Moment(value.GetProperty("$time").GetString()!),
            _ when type == typeof(TimeSpan) => TimeSpan.FromMilliseconds(value.GetProperty("$duration_ms").GetInt64()),
            _ when type == typeof(JsonElement) => JsonElement.Parse(value.GetProperty("$json").GetString()!),
            { IsEnum: true } => Enum.GetValues(type).Cast<object>().First(c => EnumName(c) == value.GetString()),
            _ when ItemOf(type) is { } item => ReadList(value, item),
            _ when ValueOf(type) is { } item => ReadMap(value, item),
            _ => ReadRecord(value, type),
        };
    }

    /// <summary>The value that says what the object is.</summary>
    public static JsonNode? Write(object? value) => value switch
    {
        null => null,
        bool v => v,
        int v => v,
        long v => v is >= -ExactInDouble and <= ExactInDouble ? v : Big(v),
        ulong v => v <= ExactInDouble ? v : Big(v),
        float v => float.IsFinite(v) ? v : new JsonObject { ["$float"] = v.ToString(CultureInfo.InvariantCulture) },
        double v => double.IsFinite(v) ? v : new JsonObject { ["$float"] = v.ToString(CultureInfo.InvariantCulture) },
        string v => v,
        byte[] v => new JsonObject { ["$bytes"] = Convert.ToBase64String(v) },
        DateTimeOffset v => new JsonObject { ["$time"] = v.ToString(MomentFormat, CultureInfo.InvariantCulture) },
        JsonElement v => new JsonObject { ["$json"] = v.GetRawText() },
        Enum v => EnumName(v),
        IDictionary v => new JsonObject(v.Keys.Cast<string>().Select(k => KeyValuePair.Create(k, Write(v[k])))),
        IEnumerable v => new JsonArray([.. v.Cast<object?>().Select(Write)]),
        _ => new JsonObject(Members(value.GetType()).Select(m => KeyValuePair.Create(MemberName(m.Name), Write(m.GetValue(value))))),
    };

    /// <summary>A text, which may be given by its UTF-16 code units.</summary>
    public static string Text(JsonElement value) => value.ValueKind == JsonValueKind.String
        ? value.GetString()!
        : string.Concat(value.GetProperty("$utf16").EnumerateArray().Select(u => (char)Convert.ToUInt16(u.GetString(), 16)));

    /// <summary>The digits of a number, which may be given as a text.</summary>
    public static string Number(JsonElement value) => value.ValueKind == JsonValueKind.Number
        ? value.GetRawText()
        : value.EnumerateObject().Single().Value.GetString()!;

    public static DateTimeOffset Moment(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    private static JsonObject Big(object integer) => new() { ["$int"] = string.Create(CultureInfo.InvariantCulture, $"{integer}") };

    private static string EnumName(object value) => JsonNamingPolicy.SnakeCaseUpper.ConvertName(value.ToString()!);

    private static string MemberName(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    private static PropertyInfo[] Members(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance);

    private static Type? ItemOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? type.GenericTypeArguments[0] : null;

    private static Type? ValueOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>) ? type.GenericTypeArguments[1] : null;

    private static IList ReadList(JsonElement value, Type item)
    {
        var list = (IList)Activator.CreateInstance(typeof(List<>).MakeGenericType(item))!;
        foreach (var element in value.EnumerateArray())
        {
            list.Add(Read(element, item));
        }

        return list;
    }

    private static IDictionary ReadMap(JsonElement value, Type item)
    {
        var map = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), item))!;
        var entries = value.TryGetProperty("$map", out var pairs)
            ? pairs.EnumerateArray().Select(p => (Text(p[0]), p[1]))
            : value.EnumerateObject().Select(m => (m.Name, m.Value));
        foreach (var (key, element) in entries)
        {
            map.Add(key, Read(element, item));
        }

        return map;
    }

    private static object ReadRecord(JsonElement value, Type type)
    {
        var constructor = type.GetConstructors().MaxBy(c => c.GetParameters().Length)!;
        return constructor.Invoke([.. constructor.GetParameters().Select(p => Read(value.GetProperty(MemberName(p.Name!)), p.ParameterType))]);
    }
}
