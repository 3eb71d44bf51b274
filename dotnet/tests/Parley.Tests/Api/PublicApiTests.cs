namespace Parley.Tests.Api;

public class PublicApiTests
{
    [Fact]
    public Task The_public_surface_is_what_was_approved() => ApprovedApi.CheckAsync(typeof(RoutedAgent).Assembly, "Parley.approved.txt");

    [Fact]
    public void Parley_references_neither_the_transport_nor_the_host()
    {
        var references = typeof(RoutedAgent).Assembly.GetReferencedAssemblies().Select(a => a.Name!);
        Assert.DoesNotContain(references, r => r.StartsWith("Grpc", StringComparison.Ordinal) || r.StartsWith("Parley", StringComparison.Ordinal)
            || r.StartsWith("Microsoft.Extensions.Hosting", StringComparison.Ordinal));
    }

    [Fact]
    public void Everything_public_is_in_one_namespace() =>
        Assert.All(typeof(RoutedAgent).Assembly.GetExportedTypes(), t => Assert.Equal("Parley", t.Namespace));
}
