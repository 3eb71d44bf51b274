using Parley.RuntimeSuite;

namespace Parley.Tests.Runtime;

public sealed class InProcessRuntimeTests : RuntimeTests
{
    protected override Task<IAgentRuntime> CreateAsync() => Task.FromResult<IAgentRuntime>(new InProcessRuntime());
}
