using System.Text;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Parley.Tests.Serialization;

public sealed record Lasting(TimeSpan HowLong);

public sealed record Priced(decimal? NetPrice);

public sealed record Tagged(HashSet<string> AllTags);

public sealed record Numbered(Dictionary<int, string> ByNumber);

public sealed record Basket(IReadOnlyList<Priced> Items);

public sealed record Listing(Dictionary<string, DateOnly[]> Days);

public sealed class Words : List<string>;

public sealed class Counts : Dictionary<string, int>;

public sealed record Money
{
    public decimal NetPrice { get; set; }
}

public sealed record Tree(string Name, IReadOnlyList<Tree> Branches, Tree? Parent = null, object? Any = null);

[JsonSerializable(typeof(Lasting))]
[JsonSerializable(typeof(Priced))]
[JsonSerializable(typeof(Tagged))]
[JsonSerializable(typeof(Numbered))]
[JsonSerializable(typeof(Basket))]
[JsonSerializable(typeof(Listing))]
[JsonSerializable(typeof(Tree))]
[JsonSerializable(typeof(Words))]
[JsonSerializable(typeof(Counts))]
[JsonSerializable(typeof(Money))]
internal sealed partial class GeneratedJson : JsonSerializerContext;

/// <summary>Source-generated type information is held to the rules as reflection is.</summary>
public sealed class SourceGeneratedTests
{
    private static readonly GeneratedJson Generated = new(ParleyJson.CreateOptions(GeneratedJson.Default));

    private readonly SerializationRegistry _reflecting = new();
    private readonly SerializationRegistry _generated = new();

    [Fact]
    public void A_type_that_is_not_listed_is_refused_and_named() // covers: JSON-12
    {
        Refused(Generated.Lasting, new Lasting(TimeSpan.FromSeconds(1)), "how_long", typeof(TimeSpan));
        Refused(Generated.Priced, new Priced(1.5m), "net_price", typeof(decimal?));
        Refused(Generated.Priced, new Priced(null), "net_price", typeof(decimal?));
        Refused(Generated.Tagged, new Tagged(["a"]), "all_tags", typeof(HashSet<string>));
        Refused(Generated.Numbered, new Numbered(new() { [1] = "a" }), "by_number", typeof(Dictionary<int, string>));
        Refused(Generated.Basket, new Basket([new Priced(1.5m)]), "net_price", typeof(decimal?));
        Refused(Generated.Listing, new Listing([]), "days", typeof(Dictionary<string, DateOnly[]>));
    }

    [Fact]
    public void What_is_no_object_is_refused() // covers: JSON-1
    {
        _generated.AddMessageType(Generated.Words);
        var raised = Assert.Throws<InvalidArgumentException>(() => _generated.Encode(new Words()));
        Assert.Contains("a message is an object", raised.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_class_may_have_members_of_its_own_class_and_a_map_may_be_a_message()
    {
        _generated.AddMessageType(Generated.Tree);
        var encoded = _generated.Encode(new Tree("a", [new Tree("b", [])]));
        Assert.Equal(
            """{"name":"a","branches":[{"name":"b","branches":[],"parent":null,"any":null}],"parent":null,"any":null}""",
            Encoding.UTF8.GetString(encoded.Data.Span));
        Assert.Equal("b", ((Tree)_generated.Decode(encoded)).Branches[0].Name);
        _generated.AddMessageType(Generated.Counts);
        Assert.Equal("""{"a":1}""", Encoding.UTF8.GetString(_generated.Encode(new Counts { ["a"] = 1 }).Data.Span));
    }

    [Fact]
    public async Task A_state_is_held_to_the_same_list()
    {
        var raised = await Assert.ThrowsAnyAsync<NotSupportedException>(() => new Till().SaveStateAsync().AsTask());
        Assert.Contains("'net_price'", raised.Message, StringComparison.Ordinal);
    }

    private void Refused<T>(JsonTypeInfo<T> info, T message, string member, Type type)
        where T : notnull
    {
        _generated.AddMessageType(info);
        var raised = Assert.Throws<InvalidArgumentException>(() => _generated.Encode(message));
        Assert.Equal(member, raised.Details["member"]);
        Assert.Contains($"'{member}': {type} ", raised.Message, StringComparison.Ordinal);
        Assert.Equal(Assert.Throws<InvalidArgumentException>(() => _reflecting.Encode(message)).Message, raised.Message);
    }

    private sealed class Till() : RoutedAgent<Money>(Generated.Money);
}
