using System.Buffers;
using System.Text;

namespace Parley;

/// <summary>The rules for names of agents and topics (ID-1, ID-2).</summary>
internal static class Names
{
    /// <summary>The longest event id and idempotency key, in bytes of UTF-8.</summary>
    public const int MaxIdBytes = 255;

    private const int MaxTypeBytes = 255;
    private const int MaxKeyBytes = 1024;
    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

    private static readonly SearchValues<char> AgentTypeChars = SearchValues.Create(Alphanumeric);
    private static readonly SearchValues<char> TopicTypeChars = SearchValues.Create(Alphanumeric + ":=");

    /// <summary>Returns the agent type as it is, or throws.</summary>
    public static string CheckAgentType(string? type) =>
        CheckType(type, AgentTypeChars, "agent type", "letters, digits, '_', '.', '-'");

    /// <summary>Returns the topic type as it is, or throws.</summary>
    public static string CheckTopicType(string? type) =>
        CheckType(type, TopicTypeChars, "topic type", "letters, digits, '_', '.', '-', ':', '='");

    /// <summary>Returns the key of an agent, or the source of a topic, as it is, or throws.</summary>
    public static string CheckKey(string? key, string field)
    {
        if (string.IsNullOrEmpty(key))
        {
            throw Refused(field, $"The {field} is empty; it needs at least one character.");
        }

        for (var i = 0; i < key.Length; i++)
        {
            var c = key[i];
            if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
            {
                throw Refused(field, $"The {field} has the control character U+{(int)c:X4} at index {i}; none is allowed.");
            }

            if (char.IsSurrogate(c))
            {
                if (!char.IsHighSurrogate(c) || i + 1 == key.Length || !char.IsLowSurrogate(key[i + 1]))
                {
                    throw Refused(field, $"The {field} has a lone surrogate U+{(int)c:X4} at index {i}; it must be valid Unicode.");
                }

                i++;
            }
        }

        var bytes = key.Length * 3 <= MaxKeyBytes ? 0 : Encoding.UTF8.GetByteCount(key);
        return bytes <= MaxKeyBytes
            ? key
            : throw Refused(field, $"The {field} has {bytes} bytes of UTF-8; at most {MaxKeyBytes} are allowed.");
    }

    /// <summary>Returns an id of a message, or a key of a call, as it is, or throws; null is legal.</summary>
    public static string? CheckText(string? text, string field, int maxBytes = int.MaxValue)
    {
        if (text is null)
        {
            return null;
        }

        if (text.Length == 0)
        {
            throw Refused(field, $"The {field} is empty; it needs at least one character.");
        }

        var bytes = 0;
        for (var rest = text.AsSpan(); rest.Length > 0;)
        {
            if (Rune.DecodeFromUtf16(rest, out var rune, out var length) != OperationStatus.Done)
            {
                throw Refused(field, $"The {field} has a lone surrogate U+{(int)rest[0]:X4} at index {text.Length - rest.Length}; it must be valid Unicode.");
            }

            bytes += rune.Utf8SequenceLength;
            rest = rest[length..];
        }

        return bytes <= maxBytes ? text : throw Refused(field, $"The {field} has {bytes} bytes of UTF-8; at most {maxBytes} are allowed.");
    }

    /// <summary>Cuts <c>type/rest</c> at the first '/'.</summary>
    public static (string Head, string Tail) Cut(string text, string what)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash >= 0
            ? (text[..slash], text[(slash + 1)..])
            : throw new FormatException($"'{text}' is no {what}: it has no '/'.");
    }

    private static string CheckType(string? type, SearchValues<char> allowed, string what, string allowedText)
    {
        var field = what.Replace(' ', '_');
        if (string.IsNullOrEmpty(type))
        {
            throw Refused(field, $"The {what} is empty; it needs at least one character.");
        }

        var bad = type.AsSpan().IndexOfAnyExcept(allowed);
        if (bad >= 0)
        {
            throw Refused(field, $"The {what} '{type}' has U+{(int)type[bad]:X4} at index {bad}; allowed are {allowedText}.");
        }

        return type.Length <= MaxTypeBytes
            ? type
            : throw Refused(field, $"The {what} has {type.Length} bytes; at most {MaxTypeBytes} are allowed.");
    }

    private static InvalidArgumentException Refused(string field, string text) =>
        new(text) { Details = new Dictionary<string, string> { ["field"] = field } };
}
