namespace Parley;

/// <summary>The name under which agents of one class are registered.</summary>
/// <param name="Name">As <see cref="AgentId.Type"/>.</param>
/// <exception cref="InvalidArgumentException">The name breaks ID-1.</exception>
public readonly record struct AgentType(string Name)
{
    /// <summary>The name.</summary>
    public string Name { get; } = Names.CheckAgentType(Name);

    /// <summary>The id of the agent of this type with that key.</summary>
    /// <param name="key">As <see cref="AgentId.Key"/>.</param>
    public AgentId Agent(string key = "default") => new(Name, key);

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
