using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Parley;

/// <summary>Names one agent; printed as <c>type/key</c> and parsed at the first '/' (ID-3).</summary>
/// <param name="Type">ASCII letters, digits, '_', '.', '-'; at most 255 bytes (ID-1).</param>
/// <param name="Key">Non-empty Unicode without control characters; at most 1,024 bytes of UTF-8 (ID-2).</param>
/// <exception cref="InvalidArgumentException">A part breaks its rule; the text says which and where.</exception>
[method: JsonConstructor]
public readonly record struct AgentId(string Type, string Key) : IParsable<AgentId>
{
    /// <summary>The agent type.</summary>
    public string Type { get; } = Names.CheckAgentType(Type);

    /// <summary>Which agent of that type.</summary>
    public string Key { get; } = Names.CheckKey(Key, "key");

    /// <summary>Reads <c>type/key</c>.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Not used: ids look the same in every culture.</param>
    /// <exception cref="FormatException">The text is no agent id; it says why.</exception>
    public static AgentId Parse(string s, IFormatProvider? provider = null)
    {
        ArgumentNullException.ThrowIfNull(s);
        var (type, key) = Names.Cut(s, "agent id");
        try
        {
            return new AgentId(type, key);
        }
        catch (InvalidArgumentException e)
        {
            throw new FormatException($"'{s}' is no agent id: {e.Message}", e);
        }
    }

    /// <summary>Reads <c>type/key</c>; false when the text is no agent id.</summary>
    /// <param name="s">The text.</param>
    /// <param name="provider">Not used.</param>
    /// <param name="result">The id, or the default value.</param>
    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out AgentId result)
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

    /// <summary>The id as <c>type/key</c>.</summary>
    public override string ToString() => $"{Type}/{Key}";

    /// <summary>This id, unless it is the default value, which names nothing.</summary>
    internal AgentId ThrowIfDefault() => Type is not null
        ? this
        : throw new InvalidArgumentException("The agent id is the default value: it has neither type nor key.")
        {
            Details = new Dictionary<string, string> { ["field"] = "agent_type" },
        };
}
