using System.Text.Json;

namespace Parley.Tests.Vectors;

public class IdVectorTests
{
    public static TheoryData<string, int> Names
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var list in new[] { "agent_types", "topic_types", "keys" })
            {
                for (var i = 0; i < VectorFile.Read("ids.json").GetProperty(list).GetArrayLength(); i++)
                {
                    data.Add(list, i);
                }
            }

            return data;
        }
    }

    public static TheoryData<string, int> Ids
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var list in new[] { "agent_ids", "topic_ids" })
            {
                for (var i = 0; i < VectorFile.Read("ids.json").GetProperty(list).GetArrayLength(); i++)
                {
                    data.Add(list, i);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_name_is_taken_or_refused(string list, int index)
    {
        var vector = VectorFile.Read("ids.json").GetProperty(list)[index];
        var value = VectorFile.Text(vector.GetProperty("value"));
        Action[] uses = list switch
        {
            "agent_types" => [() => _ = new AgentId(value, "k"), () => _ = new AgentType(value), () => _ = new TypeSubscription("t", value)],
            "topic_types" => [() => _ = new TopicId(value), () => _ = new TypeSubscription(value, "a"), () => _ = new TypePrefixSubscription(value, "a")],
            _ => [() => _ = new AgentId("a", value), () => _ = new TopicId("t", value)],
        };
        foreach (var use in uses)
        {
            if (vector.GetProperty("valid").GetBoolean())
            {
                use();
            }
            else
            {
                Assert.Contains("field", Assert.Throws<InvalidArgumentException>(use).Details);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void An_id_is_parsed_and_printed(string list, int index)
    {
        var vector = VectorFile.Read("ids.json").GetProperty(list)[index];
        var text = VectorFile.Text(vector.GetProperty("text"));
        var isAgent = list == "agent_ids";
        if (vector.TryGetProperty("valid", out var valid) && !valid.GetBoolean())
        {
            Assert.Throws<FormatException>(() => isAgent ? AgentId.Parse(text) : (object)TopicId.Parse(text));
            Assert.False(isAgent ? AgentId.TryParse(text, null, out _) : TopicId.TryParse(text, null, out _));
            return;
        }

        var (type, key) = isAgent ? (AgentId.Parse(text).Type, AgentId.Parse(text).Key) : (TopicId.Parse(text).Type, TopicId.Parse(text).Source);
        Assert.Equal(VectorFile.Text(vector.GetProperty("type")), type);
        Assert.Equal(VectorFile.Text(vector.GetProperty(isAgent ? "key" : "source")), key);
        Assert.Equal(text, isAgent ? new AgentId(type, key).ToString() : new TopicId(type, key).ToString());
    }
}
