using System.Text.Json;
using Parley;

namespace ParleyAdapter;

/// <summary>A serializer as a user writes one: its JSON has a version, of which it reads the known ones only.</summary>
/// <param name="newest">The highest version that it reads.</param>
internal sealed class VersionedSerializer(int newest) : IMessageSerializer<VersionedProbe>
{
    public const string WireName = "versioned_probe";

    public string TypeName => WireName;

    public ReadOnlyMemory<byte> Serialize(VersionedProbe message) => JsonSerializer.SerializeToUtf8Bytes(message, ParleyJson.Options);

    public VersionedProbe Deserialize(ReadOnlyMemory<byte> data)
    {
        var message = JsonSerializer.Deserialize<VersionedProbe>(data.Span, ParleyJson.Options)!;
        return message.Version >= 1 && message.Version <= newest
            ? message
            : throw new UnsupportedVersionException($"version {message.Version} is not supported; 1 to {newest} are");
    }
}
