namespace Parley;

/// <summary>Which topic types go to which agent type; equal ones are one (SUB-2).</summary>
/// <param name="AgentType">The agent type; the recipient's key is the topic's source.</param>
/// <param name="IsDurable">True: events wait for a worker. False: it ends with the last session that hosts the type (SUB-3).</param>
/// <exception cref="InvalidArgumentException">A name breaks ID-1.</exception>
public abstract record Subscription(string AgentType, bool IsDurable = true)
{
    /// <summary>The agent type.</summary>
    public string AgentType { get; } = Names.CheckAgentType(AgentType);

    /// <summary>Whether events of that topic are for agents of that type.</summary>
    /// <param name="topic">The topic.</param>
    public abstract bool Matches(TopicId topic);

    /// <summary>Whom an event of that topic is for.</summary>
    /// <param name="topic">A topic that matches.</param>
    public AgentId Recipient(TopicId topic) => new(AgentType, topic.Source);
}

/// <summary>Events of one topic type.</summary>
/// <param name="TopicType">The topic type.</param>
/// <param name="AgentType">The agent type.</param>
/// <param name="IsDurable">As in <see cref="Subscription"/>.</param>
public sealed record TypeSubscription(string TopicType, string AgentType, bool IsDurable = true) : Subscription(AgentType, IsDurable)
{
    /// <summary>The topic type.</summary>
    public string TopicType { get; } = Names.CheckTopicType(TopicType);

    /// <inheritdoc />
    public override bool Matches(TopicId topic) => topic.Type == TopicType;
}

/// <summary>Events of all topic types that begin with a prefix.</summary>
/// <param name="TopicTypePrefix">The beginning of a topic type, at least one character.</param>
/// <param name="AgentType">The agent type.</param>
/// <param name="IsDurable">As in <see cref="Subscription"/>.</param>
public sealed record TypePrefixSubscription(string TopicTypePrefix, string AgentType, bool IsDurable = true) : Subscription(AgentType, IsDurable)
{
    /// <summary>The beginning of the topic types.</summary>
    public string TopicTypePrefix { get; } = Names.CheckTopicType(TopicTypePrefix);

    /// <inheritdoc />
    public override bool Matches(TopicId topic) => topic.Type?.StartsWith(TopicTypePrefix, StringComparison.Ordinal) == true;
}
