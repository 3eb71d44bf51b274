namespace Parley;

/// <summary>How a payload is encoded.</summary>
public static class ContentTypes
{
    /// <summary>Canonical JSON.</summary>
    public const string Json = "application/json";

    /// <summary>The raw bytes of a protobuf message.</summary>
    public const string Protobuf = "application/protobuf";

    /// <summary>Another spelling of <see cref="Protobuf"/>: read, never written (PAY-1).</summary>
    private const string ProtobufAlias = "application/x-protobuf";

    /// <summary>The content type in the spelling that Parley writes.</summary>
    internal static string Normalize(string contentType) => contentType == ProtobufAlias ? Protobuf : contentType;
}
