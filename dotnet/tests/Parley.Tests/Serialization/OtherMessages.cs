namespace Parley.Tests.Serialization.Other;

public sealed record Order(string Id);

public sealed record OrderPlaced(string Id);
