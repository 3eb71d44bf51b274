using Microsoft.Extensions.DependencyInjection;

namespace Parley;

/// <summary>Adds to a runtime that a host runs.</summary>
public interface IParleyBuilder
{
    /// <summary>The services of the host.</summary>
    IServiceCollection Services { get; }
}
