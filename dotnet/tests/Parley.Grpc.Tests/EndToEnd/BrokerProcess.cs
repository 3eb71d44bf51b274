using System.Diagnostics;
using System.Reflection;
using System.Text.Json;

namespace Parley.Grpc.Tests.EndToEnd;

/// <summary>A reference broker in a process of its own, in memory, on a port that it picks.</summary>
internal sealed class BrokerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly string _folder;

    private BrokerProcess(Process process, string folder) => (_process, _folder) = (process, folder);

    /// <summary>Where it listens, as grpc://host:port.</summary>
    public string Url { get; private set; } = string.Empty;

    /// <summary>Starts it and waits until it serves.</summary>
    public static async Task<BrokerProcess> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("parley-broker-").FullName;
        var readyFile = Path.Combine(folder, "ready.json");
        var command = Command();
        string[] arguments = ["serve", "--memory", "--listen", "127.0.0.1:0", "--ready-file", readyFile];
        var start = new ProcessStartInfo(command[0], command.Skip(1).Concat(arguments)) { RedirectStandardError = true, WorkingDirectory = folder };
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start");
        var log = process.StandardError.ReadToEndAsync();
        var broker = new BrokerProcess(process, folder);
        using var watcher = new FileSystemWatcher(folder);
        var changed = new SemaphoreSlim(0);
        watcher.Created += (_, _) => changed.Release();
        watcher.Renamed += (_, _) => changed.Release();
        watcher.EnableRaisingEvents = true;
        var died = process.WaitForExitAsync();
        var late = Task.Delay(StartTimeout);
        while (!File.Exists(readyFile))
        {
            if (await Task.WhenAny(changed.WaitAsync(), died, late) is var first && (first == died || first == late))
            {
                process.Kill(entireProcessTree: true);
                throw new InvalidOperationException($"The broker {string.Join(' ', command)} {(first == died ? "ended" : "was not ready in time")}: {await log}");
            }
        }

        using var ready = JsonDocument.Parse(await File.ReadAllTextAsync(readyFile));
        broker.Url = $"grpc://{ready.RootElement.GetProperty("address").GetString()}";
        return broker;
    }

    /// <summary>Ends it as a crash does.</summary>
    public void Kill() => _process.Kill(entireProcessTree: true);

    /// <summary>Ends it as an orderly stop does, with SIGTERM.</summary>
    public async Task StopAsync()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        await kill.WaitForExitAsync();
        await _process.WaitForExitAsync().WaitAsync(StartTimeout);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Kill();
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static string[] Command()
    {
        if (Environment.GetEnvironmentVariable("PARLEY_BROKER_COMMAND") is { Length: > 0 } given)
        {
            return given.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        }

        var root = typeof(BrokerProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!;
        var installed = Path.Combine(root, ".venv", "bin", "parley-broker");
        return File.Exists(installed) ? [installed] : throw new InvalidOperationException(
            $"These tests need a broker: set PARLEY_BROKER_COMMAND to the command that starts one, or run 'make setup' so that {installed} is there.");
    }
}
