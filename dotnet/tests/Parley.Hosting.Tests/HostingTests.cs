using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Parley.Grpc.Tests.EndToEnd;
using Parley.RuntimeSuite;

namespace Parley.Hosting.Tests;

public sealed class HostingTests
{
    [Fact]
    public async Task Agents_get_their_services_and_a_scope_of_their_own()
    {
        await using var broker = await BrokerProcess.StartAsync();
        var witness = new Witness();
        var builder = NewHost(broker.Url);
        builder.Services.AddSingleton(witness).AddScoped<Scoped>();
        builder.Services.AddParley().AddAgent<Guest>("guest").AddSubscription(new TypeSubscription("party", "guest"));
        builder.Services.AddHealthChecks().AddParley();
        using var host = builder.Build();
        var runtime = host.Services.GetRequiredService<IAgentRuntime>();
        Assert.Throws<InvalidOperationException>(() => { _ = runtime.SendMessageAsync(new Ask("too early"), new AgentId("guest", "k")); });
        Assert.Equal(HealthStatus.Unhealthy, await HealthAsync(host));
        await host.StartAsync().Within();
        Assert.Equal(HealthStatus.Healthy, await HealthAsync(host));
        Assert.Equal("guest of 1", (await runtime.SendMessageAsync<Answer>(new Ask("x"), new AgentId("guest", "a")).Within()).Text);
        Assert.Equal("guest of 1", (await runtime.SendMessageAsync<Answer>(new Ask("x"), new AgentId("guest", "b")).Within()).Text);
        await runtime.PublishMessageAsync(new News("music"), new TopicId("party", "a")).Within();
        await witness.WaitForAsync("music");
        await host.StopAsync().Within();
        Assert.Equal(2, witness.Seen.Count(s => s == "scope ended"));
        Assert.Equal(HealthStatus.Unhealthy, await HealthAsync(host));
    }

    [Fact]
    public async Task A_lost_connection_shows_in_the_health_and_stops_nothing()
    {
        await using var broker = await BrokerProcess.StartAsync();
        var builder = NewHost(broker.Url);
        builder.Services.AddHealthChecks().AddParley();
        builder.Services.AddParley();
        using var host = builder.Build();
        await host.StartAsync().Within();
        broker.Kill();
        await UntilAsync(async () => await HealthAsync(host) != HealthStatus.Healthy).Within();
        Assert.False(host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.IsCancellationRequested);
        await host.StopAsync().Within();
    }

    [Fact]
    public async Task Settings_come_from_the_section_and_are_validated_when_the_host_starts()
    {
        var builder = NewHost("http://nowhere");
        builder.Services.AddParley(o => o.InstanceId += "!");
        using var host = builder.Build();
        var raised = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync().Within());
        Assert.Contains("http://nowhere", raised.Message, StringComparison.Ordinal);

        var good = NewHost("grpc://somewhere:1");
        good.Services.AddParley(o => o.InstanceId += "!");
        using var other = good.Build();
        var options = other.Services.GetRequiredService<IOptions<DistributedRuntimeOptions>>().Value;
        Assert.Equal(("grpc://somewhere:1", "label!", TimeSpan.FromSeconds(7)), (options.BrokerUrl, options.InstanceId, options.DefaultTimeout));
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20));
        }
    }

    private static HostApplicationBuilder NewHost(string url)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Parley:BrokerUrl"] = url,
            ["Parley:InstanceId"] = "label",
            ["Parley:DefaultTimeout"] = "00:00:07",
        });
        return builder;
    }

    private static async Task<HealthStatus> HealthAsync(IHost host) =>
        (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Status;

    private sealed class Scoped(Witness witness) : IDisposable
    {
        public int Users { get; set; }

        public void Dispose() => witness.Saw("scope ended");
    }

    private sealed class Guest : RoutedAgent
    {
        private readonly Scoped _scoped;
        private readonly Witness _witness;

        public Guest(Scoped scoped, Witness witness)
        {
            (_scoped, _witness) = (scoped, witness);
            scoped.Users++;
        }

        [RpcMethod]
        public Answer On(Ask message) => new($"{Id.Type} of {_scoped.Users}");

        [EventMethod]
        public void On(News message) => _witness.Saw(message.Text);
    }
}
