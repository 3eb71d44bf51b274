namespace Parley;

/// <summary>One message in one encoding.</summary>
/// <param name="TypeName">The wire name of its type, version included.</param>
/// <param name="ContentType">E.g. <see cref="ContentTypes.Json"/>.</param>
/// <param name="Data">The bytes.</param>
public readonly record struct SerializedMessage(string TypeName, string ContentType, ReadOnlyMemory<byte> Data);
