using FsCheck;
using FsCheck.Fluent;

namespace Parley.Tests.Ids;

public class IdPropertyTests
{
    private static readonly Arbitrary<string> Any = ArbMap.Default.ArbFor<string>();

    [Fact]
    public void Printing_and_parsing_are_inverse() => Prop.ForAll(Any, Any, (type, key) =>
    {
        try
        {
            var id = new AgentId(type, key);
            return AgentId.Parse(id.ToString()) == id && AgentId.TryParse(id.ToString(), null, out var again) && again == id;
        }
        catch (InvalidArgumentException)
        {
            return true;
        }
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_key_that_is_allowed_survives() => Prop.ForAll(Any, key =>
    {
        var clean = new string([.. (key ?? string.Empty).Where(c => !char.IsControl(c) && !char.IsSurrogate(c))]) + "/é";
        return AgentId.Parse($"worker/{clean}").Key == clean && TopicId.Parse($"t:=/{clean}").Source == clean;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_text_is_parsed_or_refused_and_nothing_else() => Prop.ForAll(Any, text =>
        text is null || AgentId.TryParse(text, null, out var id) == (Record.Exception(() => AgentId.Parse(text)) is null) && (id == default || id.ToString() == text))
        .QuickCheckThrowOnFailure();

    [Fact]
    public void Subscriptions_match_by_type_and_prefix()
    {
        var topic = new TopicId("news.sports", "k");
        Assert.True(new TypePrefixSubscription("news.", "a").Matches(topic));
        Assert.False(new TypePrefixSubscription("sports", "a").Matches(topic));
        Assert.False(new TypeSubscription("news", "a").Matches(topic));
        Assert.True(new TypeSubscription("news.sports", "a").Matches(topic));
        Assert.Equal(new AgentId("a", "k"), new TypeSubscription("news.sports", "a").Recipient(topic));
    }
}
