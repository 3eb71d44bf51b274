using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Parley;

/// <summary>Names what an event is about; printed as <c>type/source</c> and parsed at the first '/' (ID-3).</summary>
/// <param name="Type">ASCII letters, digits, '_', '.', '-', ':', '='; at most 255 bytes (ID-1).</param>
/// <param name="Source">The key of the agents that get the event (SUB-1); rules as for <see cref="AgentId.Key"/>.</param>
/// <exception cref="InvalidArgumentException">A part breaks its rule; the text says which and where.</exception>
[method: JsonConstructor]
public readonly record struct TopicId(string Type, string Source = "default") : IParsable<TopicId>
{
    /// <summary>The topic type.</summary>
    public string Type { get; } = Names.CheckTopicType(Type);

    /// <summary>The source, and the key of the recipients.</summary>
    public string Source { get; } = Names.CheckKey(Source, "source");

    /// <summary>Reads <c>type/source</c>.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Not used: ids look the same in every culture.</param>
    /// <exception cref="FormatException">The text is no topic id; it says why.</exception>
    public static TopicId Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        var (type, source) = Names.Cut(s, "topic id");
        try
        {
            return new TopicId(type, source);
        }
        catch (InvalidArgumentException e)
        {
            throw new FormatException($"'{s}' is no topic id: {e.Message}", e);
        }
    }

    /// <summary>Reads <c>type/source</c>; false when the text is no topic id.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Not used.</param>
    /// <param name="result">The id, or the default value.</param>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out TopicId result)
    {
        result = default;
        try
        {
            result = s is null ? default : Parse(s, provider);
            return s is not null;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>The id as <c>type/source</c>.</summary>
    public override string ToString() => $"{Type}/{Source}";

    /// <summary>This id, unless it is the default value, which names nothing.</summary>
    internal TopicId ThrowIfDefault() => Type is not null
        ? this
        : throw new InvalidArgumentException("The topic id is the default value: it has neither type nor source.")
        {
            Details = new Dictionary<string, string> { ["field"] = "topic_type" },
        };
}
