using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Parley;

/// <summary>Where a broker is.</summary>
/// <param name="Text">As it is shown: <c>grpc://host:port</c>.</param>
/// <param name="HttpUri">As the transport wants it.</param>
internal sealed partial record BrokerAddress(string Text, Uri HttpUri)
{
    public const string Default = "grpc://127.0.0.1:50051";
    private const string Scheme = "grpc://";

    /// <summary>The addresses of a list separated by commas.</summary>
    /// <exception cref="InvalidArgumentException">One of them is malformed; the text names it and what is wrong with it.</exception>
    public static IReadOnlyList<BrokerAddress> ParseList(string list) => [.. list.Split(',', StringSplitOptions.TrimEntries).Select(Parse)];

    /// <summary>What is wrong with the list, or null.</summary>
    public static string? Problem(string? list)
    {
        try
        {
            _ = list is null ? null : ParseList(list);
            return null;
        }
        catch (InvalidArgumentException e)
        {
            return e.Message;
        }
    }

    private static BrokerAddress Parse(string text)
    {
        if (!text.StartsWith(Scheme, StringComparison.Ordinal))
        {
            throw Malformed(text, $"it must begin with {Scheme}");
        }

        var address = text[Scheme.Length..];
        address = address.EndsWith('/') ? address[..^1] : address;
        var colon = address.LastIndexOf(':');
        var (host, port) = colon < 0 ? (address, string.Empty) : (address[..colon], address[(colon + 1)..]);
        if (!IsHost(host) || !Uri.TryCreate($"http://{host}", UriKind.Absolute, out _))
        {
            throw Malformed(text, $"the host must be a name, an IPv4 address or an IPv6 address in brackets, not '{host}'");
        }

        return Digits().IsMatch(port) && int.Parse(port, CultureInfo.InvariantCulture) is > 0 and < 65536 and var number
            ? new BrokerAddress($"{Scheme}{host}:{number}", new Uri($"http://{host}:{number}"))
            : throw Malformed(text, $"the port must be 1 to 65535, not '{port}'");
    }

    private static bool IsHost(string host) =>
        Name().IsMatch(host)
        || (host is ['[', .. var inner, ']'] && IPAddress.TryParse(inner, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6 && !inner.Contains('['));

    private static InvalidArgumentException Malformed(string text, string problem) =>
        new($"'{text}' is no broker address: {problem}; it looks like {Default}, several are separated by commas.")
        {
            Details = new Dictionary<string, string> { ["field"] = "broker_url" },
        };

    [GeneratedRegex(@"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"^[0-9]{1,5}\z")]
    private static partial Regex Digits();
}
