using System.Diagnostics;
using System.Reflection;

namespace Parley.Grpc.Tests.EndToEnd;

/// <summary>
/// A program with delegates and source-generated type information, trimmed and without dynamic code: what only reflection finds is not in
/// it, and nothing is made at run time, as in one that is compiled ahead of time, which takes more time and a linker.
/// </summary>
public sealed class TrimmedTests
{
    private static readonly TimeSpan PublishTimeout = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan RunTimeout = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_trimmed_program_does_in_process_and_through_a_broker_what_any_does()
    {
        var assembly = typeof(TrimmedTests).Assembly;
        var root = assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;
        var configuration = assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;
        var folder = Directory.CreateTempSubdirectory("parley-trimmed-").FullName;
        try
        {
            var project = Path.Combine(root, "dotnet", "tests", "Parley.Trimmed");
            await RunAsync(PublishTimeout, "dotnet", "publish", project, "--no-build", "-nodeReuse:false", "-c", configuration, "-o", folder);
            await using var broker = await BrokerProcess.StartAsync();
            var program = Path.Combine(folder, "Parley.Trimmed");
            Assert.Equal("as promised", await RunAsync(RunTimeout, program));
            Assert.Equal("as promised", await RunAsync(RunTimeout, program, broker.Url));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The last line of what it prints.</summary>
    private static async Task<string> RunAsync(TimeSpan timeout, string command, params string[] arguments)
    {
        var start = new ProcessStartInfo(command, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{command} did not start");
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        try
        {
            await process.WaitForExitAsync().WaitAsync(timeout);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }

        Assert.True(process.ExitCode == 0, $"{command} {string.Join(' ', arguments)}: {await output}{await errors}");
        return (await output).TrimEnd().Split('\n')[^1];
    }
}
