using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;

namespace ParleyAdapter.Vectors;

/// <summary>Values as the vectors write them, to and from protobuf messages.</summary>
internal static class ProtobufNotation
{
    /// <summary>The message of a type that a value says.</summary>
    public static IMessage Read(JsonElement value, MessageDescriptor type)
    {
        if (type.FullName == Timestamp.Descriptor.FullName)
        {
            return Notation.Moment(value.GetProperty("$time").GetString()!).ToTimestamp();
        }

        var message = type.Parser.ParseFrom(ByteString.Empty);
        foreach (var member in value.EnumerateObject().Where(m => m.Value.ValueKind != JsonValueKind.Null))
        {
            var field = type.FindFieldByName(member.Name);
            if (field.IsMap)
            {
                var map = (IDictionary)field.Accessor.GetValue(message);
                foreach (var entry in member.Value.EnumerateObject())
                {
                    map.Add(entry.Name, ReadOne(entry.Value, field.MessageType.FindFieldByNumber(2)));
                }
            }
            else if (field.IsRepeated)
            {
                var list = (IList)field.Accessor.GetValue(message);
                foreach (var item in member.Value.EnumerateArray())
                {
                    list.Add(ReadOne(item, field));
                }
            }
            else
            {
                field.Accessor.SetValue(message, ReadOne(member.Value, field));
            }
        }

        return message;
    }

    /// <summary>The value that says what the message is.</summary>
    public static JsonNode Write(IMessage message) => message is Timestamp moment
        ? Notation.Write(moment.ToDateTimeOffset())!
        : new JsonObject(message.Descriptor.Fields.InDeclarationOrder().Select(f => KeyValuePair.Create(f.Name, WriteMember(message, f))));

    private static object ReadOne(JsonElement value, FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Message => Read(value, field.MessageType),
        FieldType.Enum => System.Enum.ToObject(field.EnumType.ClrType, field.EnumType.FindValueByName(value.GetString()!).Number),
        FieldType.Bytes => ByteString.FromBase64(value.GetProperty("$bytes").GetString()!),
        FieldType.String => Notation.Text(value),
        FieldType.Bool => value.GetBoolean(),
        FieldType.Int32 => int.Parse(Notation.Number(value), CultureInfo.InvariantCulture),
        FieldType.Int64 => long.Parse(Notation.Number(value), CultureInfo.InvariantCulture),
        FieldType.UInt64 => ulong.Parse(Notation.Number(value), CultureInfo.InvariantCulture),
        FieldType.Float => float.Parse(Notation.Number(value), CultureInfo.InvariantCulture),
        FieldType.Double => double.Parse(Notation.Number(value), CultureInfo.InvariantCulture),
        _ => throw new NotSupportedException($"the vocabulary has no {field.FieldType}"),
    };

    private static JsonNode? WriteMember(IMessage message, FieldDescriptor field)
    {
        var value = field.Accessor.GetValue(message);
        return value switch
        {
            _ when field.HasPresence && !field.Accessor.HasValue(message) => null,
            IDictionary map => new JsonObject(map.Keys.Cast<string>().Select(k => KeyValuePair.Create(k, WriteOne(map[k]!, field.MessageType.FindFieldByNumber(2))))),
            IList list => new JsonArray([.. list.Cast<object>().Select(item => WriteOne(item, field))]),
            _ => WriteOne(value, field),
        };
    }

    private static JsonNode? WriteOne(object value, FieldDescriptor field) => value switch
    {
        IMessage m => Write(m),
        ByteString b => Notation.Write(b.ToByteArray()),
        System.Enum e => field.EnumType.FindValueByNumber(Convert.ToInt32(e, CultureInfo.InvariantCulture))?.Name,
        _ => Notation.Write(value),
    };
}
