using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json;

namespace Parley.Tests.Vectors;

/// <summary>Values of the vectors as objects of the vocabulary, and objects as texts that are equal when the values are.</summary>
internal static class Notation
{
    public static object? Read(JsonElement value, Type type)
    {
        var plain = Nullable.GetUnderlyingType(type) ?? type;
        return value.ValueKind == JsonValueKind.Null ? null
            : plain == typeof(bool) ? value.GetBoolean()
            : plain == typeof(string) ? VectorFile.Text(value)
            : plain == typeof(byte[]) ? value.GetProperty("$bytes").GetBytesFromBase64()
            : plain == typeof(DateTimeOffset) ? DateTimeOffset.Parse(value.GetProperty("$time").GetString()!, CultureInfo.InvariantCulture)
            : plain == typeof(TimeSpan) ? TimeSpan.FromMilliseconds(value.GetProperty("$duration_ms").GetInt32())
            : plain == typeof(JsonElement) ? JsonDocument.Parse(value.GetProperty("$json").GetString()!).RootElement
            : plain.IsEnum ? Enum.GetValues(plain).Cast<object>().Single(v => WireName(v) == value.GetString())
            : plain.IsPrimitive ? Number(value, plain)
            : plain.IsGenericType && plain.GetGenericTypeDefinition() == typeof(IReadOnlyList<>) ? ReadList(value, plain.GenericTypeArguments[0])
            : plain.IsGenericType ? ReadMap(value, plain.GenericTypeArguments[1])
            : ReadObject(value, plain);
    }

    public static string Show(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        byte[] bytes => Convert.ToHexString(bytes),
        double number => (number == 0 ? 0 : number).ToString("R", CultureInfo.InvariantCulture),
        float number => (number == 0 ? 0 : number).ToString("R", CultureInfo.InvariantCulture),
        DateTimeOffset moment => moment.ToString("O", CultureInfo.InvariantCulture),
        JsonElement json => Json.Show(json),
        IConvertible simple => simple.ToString(CultureInfo.InvariantCulture),
        IDictionary map => $"{{{string.Join(",", map.Keys.Cast<string>().Order(StringComparer.Ordinal).Select(k => $"{k}:{Show(map[k])}"))}}}",
        IEnumerable list => $"[{string.Join(",", list.Cast<object?>().Select(Show))}]",
        _ => $"{{{string.Join(",", value.GetType().GetProperties().Select(p => $"{p.Name}:{Show(p.GetValue(value))}"))}}}",
    };

    private static string WireName(object value) => JsonNamingPolicy.SnakeCaseUpper.ConvertName(value.ToString()!);

    private static object Number(JsonElement value, Type type)
    {
        var text = value.ValueKind == JsonValueKind.Number ? value.GetRawText()
            : value.TryGetProperty("$int", out var integer) ? integer.GetString()!
            : value.GetProperty("$float").GetString()!;
        return Convert.ChangeType(
            type == typeof(double) ? double.Parse(text, CultureInfo.InvariantCulture)
            : type == typeof(float) ? float.Parse(text, CultureInfo.InvariantCulture)
            : (object)decimal.Parse(text, CultureInfo.InvariantCulture),
            type,
            CultureInfo.InvariantCulture);
    }

    private static Array ReadList(JsonElement value, Type element)
    {
        var items = value.EnumerateArray().Select(i => Read(i, element)).ToArray();
        var list = Array.CreateInstance(element, items.Length);
        items.CopyTo(list, 0);
        return list;
    }

    private static IDictionary ReadMap(JsonElement value, Type element)
    {
        var map = (IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), element))!;
        var pairs = value.TryGetProperty("$map", out var list)
            ? list.EnumerateArray().Select(p => (VectorFile.Text(p[0]), p[1]))
            : value.EnumerateObject().Select(m => (m.Name, m.Value));
        foreach (var (key, item) in pairs)
        {
            map[key] = Read(item, element);
        }

        return map;
    }

    private static object ReadObject(JsonElement value, Type type)
    {
        var constructor = type.GetConstructors(BindingFlags.Public | BindingFlags.Instance)[0];
        return constructor.Invoke([.. constructor.GetParameters().Select(p =>
            Read(value.GetProperty(JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name!)), p.ParameterType))]);
    }
}
