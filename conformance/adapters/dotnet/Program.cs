using System.Net.Sockets;
using ParleyAdapter;

// PARLEY_KIT: HOST:PORT of the kit. When the connection ends, so does the process, whatever runs.
var kit = Environment.GetEnvironmentVariable("PARLEY_KIT") ?? throw new InvalidOperationException("PARLEY_KIT is not set: HOST:PORT of the kit");
var colon = kit.LastIndexOf(':');
using var client = new TcpClient();
await client.ConnectAsync(kit[..colon], int.Parse(kit[(colon + 1)..], System.Globalization.CultureInfo.InvariantCulture));
client.NoDelay = true;
_ = Task.Run(MessageTable.WarmUp);
var line = new KitLine(client.GetStream());
try
{
    await new Commands(line).RunAsync();
}
catch (IOException)
{
    // The kit is gone: the end, like the end of its stream.
}

Environment.Exit(0);
