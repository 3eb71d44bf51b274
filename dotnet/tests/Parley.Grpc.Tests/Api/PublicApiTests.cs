using Parley.Tests.Api;

namespace Parley.Grpc.Tests.Api;

public class PublicApiTests
{
    [Fact]
    public Task The_public_surface_is_what_was_approved() => ApprovedApi.CheckAsync(typeof(DistributedRuntime).Assembly, "Parley.Grpc.approved.txt");

    [Fact]
    public void The_wire_shows_in_no_public_type() =>
        Assert.All(typeof(DistributedRuntime).Assembly.GetExportedTypes(), t => Assert.Equal("Parley", t.Namespace));

    [Fact]
    public void Parley_Grpc_does_not_reference_the_host() =>
        Assert.DoesNotContain(typeof(DistributedRuntime).Assembly.GetReferencedAssemblies(), a => a.Name is "Parley.Hosting");

    [Fact]
    public void Each_reason_of_the_wire_has_an_exception_of_its_own()
    {
        var exceptions = new HashSet<Type>();
        foreach (var reason in Enum.GetValues<Wire.V1.ErrorReason>().Where(r => r != Wire.V1.ErrorReason.Unspecified))
        {
            var raised = new Wire.V1.Error { Reason = reason, Message = "m" }.FromWire();
            Assert.True(exceptions.Add(raised.GetType()), $"{reason} has no exception of its own");
            Assert.Equal(((int)reason, reason.ToString()), ((int)raised.Reason, raised.Reason.ToString()));
            Assert.Equal($"ERROR_REASON_{raised.ReasonName}", OriginalName(reason));
        }

        Assert.Equal(Enum.GetValues<Wire.V1.ErrorReason>().Length, Enum.GetValues<ErrorReason>().Length);
    }

    private static string OriginalName(Wire.V1.ErrorReason reason) =>
        Wire.V1.ErrorsReflection.Descriptor.EnumTypes.Single(e => e.Name == "ErrorReason").FindValueByNumber((int)reason).Name;
}
