using System.Text.Json;
using System.Text.RegularExpressions;

namespace Parley;

/// <summary>What a serializer's exceptions become; the member is named by its wire name (JSON-14).</summary>
internal static partial class CodecFailures
{
    /// <summary>A message cannot be encoded.</summary>
    public static InvalidArgumentException CannotEncode(Type type, Exception cause) =>
        new($"A {type} cannot be sent: {Text(cause)}", cause) { Details = Details(cause) };

    /// <summary>A payload cannot be decoded.</summary>
    public static MalformedPayloadException Malformed(string typeName, Exception cause) =>
        new($"The payload is no '{typeName}': {Text(cause)}", cause) { Details = Details(cause, typeName) };

    /// <summary>A user's serializer refuses a payload; what it raised may quote the payload, which an error never does (ERR-1).</summary>
    public static MalformedPayloadException Refused(string typeName, Exception cause) =>
        new($"The serializer of '{typeName}' refuses the payload ({cause.GetType().Name}).", cause)
        {
            Details = new Dictionary<string, string> { ["type_name"] = typeName },
        };

    private static string Text(Exception cause)
    {
        // What the framework adds to a writer's exception speaks of types; its path is read below.
        var added = cause is NotSupportedException ? cause.Message.IndexOf(" The unsupported member type", StringComparison.Ordinal) : -1;
        var text = added < 0 ? cause.Message : cause.Message[..added];
        return MemberOf(cause) is { } member && !text.Contains(member, StringComparison.Ordinal) ? $"{text} (member '{member}')" : text;
    }

    private static Dictionary<string, string> Details(Exception cause, string? typeName = null)
    {
        var details = new Dictionary<string, string>();
        if (typeName is not null)
        {
            details["type_name"] = typeName;
        }

        if (MemberOf(cause) is { } member)
        {
            details["member"] = member;
        }

        return details;
    }

    private static string? MemberOf(Exception cause) => cause switch
    {
        UnlistedTypeException unlisted => unlisted.Member,
        JsonException json => Joined(Relative(json.Path), Missing().Match(json.Message)),
        // A writer's path has the names of the language.
        NotSupportedException => Relative(PathInText().Match(cause.Message).Groups["path"].Value) is { } path ? WireNames(path) : null,
        _ => null,
    };

    private static string WireNames(string path) => string.Join('.', path.Split('.').Select(JsonNamingPolicy.SnakeCaseLower.ConvertName));

    // $.items[1].count → items[1].count
    private static string? Relative(string? path) => path is null or "$" or "" ? null : path.TrimStart('$').TrimStart('.');

    // The name of a missing or repeated member is in the text, not in the path.
    private static string? Joined(string? path, Match missing) => !missing.Success ? path
        : path is null ? missing.Groups["name"].Value
        : $"{path}.{missing.Groups["name"].Value}";

    [GeneratedRegex("including: '(?<name>[^']+)'")]
    private static partial Regex Missing();

    [GeneratedRegex(@" Path: (?<path>\S+)\.\z")]
    private static partial Regex PathInText();
}
