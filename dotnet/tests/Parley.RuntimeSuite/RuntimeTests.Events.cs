using Xunit;

namespace Parley.RuntimeSuite;

public abstract partial class RuntimeTests
{
    [Fact]
    public async Task An_event_reaches_each_agent_once_however_many_subscriptions_match()
    {
        await RoutedAgent.RegisterAsync(Runtime, "listener", () => new Listener(Witness));
        await RoutedAgent.RegisterAsync(Runtime, "other", () => new Listener(Witness));
        await Runtime.AddSubscriptionAsync(new TypePrefixSubscription("new", "listener"));
        await Runtime.PublishMessageAsync(new News("one"), new TopicId("news", "here")).Within();
        await Runtime.PublishMessageAsync(new News("two"), new TopicId("news.sports", "there")).Within();
        await Runtime.PublishMessageAsync(new News("end"), new TopicId("news", "here")).Within();
        await Witness.WaitForAsync(seen => seen.Count(s => s.Contains("end", StringComparison.Ordinal)) == 2 && seen.Count >= 6);
        string[] expected =
        [
            "listener/here news/here end 1", "listener/here news/here one 1", "listener/there news.sports/there two 1",
            "other/here news/here end 1", "other/here news/here one 1", "other/there news.sports/there two 1",
        ];
        Assert.Equal(expected, Witness.Seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Events_of_one_agent_come_in_order_one_at_a_time()
    {
        await RoutedAgent.RegisterAsync(Runtime, "listener", () => new Listener(Witness));
        for (var i = 0; i < 50; i++)
        {
            await Runtime.PublishMessageAsync(new News($"{i}"), new TopicId("news", "k")).Within();
        }

        await Witness.WaitForAsync(seen => seen.Count == 50);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"listener/k news/k {i} 1"), Witness.Seen);
    }

    [Fact]
    public async Task An_agent_does_not_get_what_it_published()
    {
        await RoutedAgent.RegisterAsync(Runtime, "listener", () => new Listener(Witness));
        await RoutedAgent.RegisterAsync(Runtime, "other", () => new Listener(Witness));
        await Runtime.SendMessageAsync(new Ask("mine"), new AgentId("listener", "k")).Within();
        await Runtime.PublishMessageAsync(new News("end"), new TopicId("news", "k")).Within();
        await Witness.WaitForAsync(seen => seen.Count == 3);
        Assert.Equal(["listener/k news/k end 1", "other/k news/k end 1", "other/k news/k mine 1"], Witness.Seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Events_that_are_not_handled_and_failures_of_other_agents_hold_up_nothing()
    {
        await RoutedAgent.RegisterAsync(Runtime, "listener", () => new Listener(Witness));
        await Runtime.PublishMessageAsync(new Fail("on purpose"), new TopicId("news", "other")).Within();
        await Runtime.PublishMessageAsync(new Unheard("x"), new TopicId("news", "k")).Within();
        await Runtime.PublishMessageAsync(new News("end"), new TopicId("news", "k")).Within();
        await Witness.WaitForAsync("listener/k news/k end 1");
    }

    [Fact]
    public async Task An_event_for_nobody_is_legal()
    {
        await Runtime.PublishMessageAsync(new News("x"), new TopicId("silence", "k")).Within();
    }

    [Fact]
    public async Task A_subscription_ends_when_it_is_removed()
    {
        var subscription = new TypeSubscription("extra", "listener");
        await RoutedAgent.RegisterAsync(Runtime, "listener", () => new Listener(Witness));
        await Runtime.AddSubscriptionAsync(subscription);
        await Runtime.AddSubscriptionAsync(subscription with { });
        await Runtime.PublishMessageAsync(new News("one"), new TopicId("extra", "k")).Within();
        await Runtime.RemoveSubscriptionAsync(new TypeSubscription("extra", "listener")).Within();
        await Runtime.PublishMessageAsync(new News("two"), new TopicId("extra", "k")).Within();
        await Runtime.PublishMessageAsync(new News("end"), new TopicId("news", "k")).Within();
        await Witness.WaitForAsync("listener/k news/k end 1");
        Assert.Equal(["listener/k extra/k one 1", "listener/k news/k end 1"], Witness.Seen);
        await Assert.ThrowsAsync<NotFoundException>(() => Runtime.RemoveSubscriptionAsync(subscription).Within());
    }

    [Fact]
    public async Task An_agent_type_has_a_topic_of_its_own()
    {
        await RoutedAgent.RegisterAsync(Runtime, "quiet", () => new Listener(Witness), new RegisterOptions { SkipClassSubscriptions = true });
        await Runtime.PublishMessageAsync(new News("public"), new TopicId("news", "k")).Within();
        await Runtime.PublishMessageAsync(new News("direct"), new TopicId("quiet:inbox", "k")).Within();
        await Witness.WaitForAsync("quiet/k quiet:inbox/k direct 1");
        Assert.Single(Witness.Seen);
    }
}
