namespace Parley;

/// <summary>Where a broker is.</summary>
/// <param name="Text">As it is shown: <c>grpc://host:port</c>.</param>
/// <param name="HttpUri">As the transport wants it.</param>
internal sealed record BrokerAddress(string Text, Uri HttpUri)
{
    public const string Default = "grpc://127.0.0.1:50051";
    private const int DefaultPort = 50051;
    private const string Scheme = "grpc";

    /// <summary>The addresses of a list separated by commas.</summary>
    /// <exception cref="InvalidArgumentException">One of them is malformed.</exception>
    public static IReadOnlyList<BrokerAddress> ParseList(string list)
    {
        var addresses = list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Parse).ToArray();
        return addresses.Length > 0 ? addresses : throw Malformed(list);
    }

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
        var full = text.Contains("://", StringComparison.Ordinal) ? text : $"{Scheme}://{text}";
        if (!Uri.TryCreate(full, UriKind.Absolute, out var uri) || uri.Scheme != Scheme || uri.Host.Length == 0
            || uri.AbsolutePath is not ("" or "/") || uri.Query.Length > 0 || uri.Fragment.Length > 0 || uri.UserInfo.Length > 0 || uri.Port == 0)
        {
            throw Malformed(text);
        }

        var port = uri.Port > 0 ? uri.Port : DefaultPort;
        return new BrokerAddress($"{Scheme}://{uri.Host}:{port}", new Uri($"http://{uri.Host}:{port}"));
    }

    private static InvalidArgumentException Malformed(string text) =>
        new($"'{text}' is no broker address; it looks like {Default}, several are separated by commas.");
}
