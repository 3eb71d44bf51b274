using Parley.Tests.Api;

namespace Parley.Hosting.Tests;

public class PublicApiTests
{
    [Fact]
    public Task The_public_surface_is_what_was_approved() => ApprovedApi.CheckAsync(typeof(IParleyBuilder).Assembly, "Parley.Hosting.approved.txt");
}
