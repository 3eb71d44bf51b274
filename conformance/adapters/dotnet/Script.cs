using System.Text.Json.Nodes;
using Parley;

namespace ParleyAdapter;

/// <summary>One run of a handler: what its message says, step by step, with what the kit wants to see of it.</summary>
internal sealed class Script(ProbeAgent agent, Probe probe, MessageContext context, bool protobuf)
{
    /// <summary>What a step can say.</summary>
    public static readonly HashSet<string> Ops = ["reply", "fail", "fail_until", "gate", "sleep", "block", "add", "call", "publish"];

    private readonly Witness _witness = agent.Witness;
    private string _last = "";
    private int _cancelled;

    /// <summary>Runs the steps; the result, which counts for calls only.</summary>
    public async Task<object?> RunAsync(string typeName)
    {
        _witness.Enter(probe.Label, agent.Id, context, typeName, protobuf, value: null);
        var registration = context.CancellationToken.Register(ObserveCancelled);
        try
        {
            var result = await StepsAsync();
            await registration.DisposeAsync();
            _witness.Leave(probe.Label, agent.Id, "returned");
            return result;
        }
        catch (Exception e)
        {
            var fired = context.CancellationToken.IsCancellationRequested && e is OperationCanceledException;
            if (fired)
            {
                ObserveCancelled();
            }

            await registration.DisposeAsync();
            _witness.Leave(probe.Label, agent.Id, fired ? "cancelled" : "raised");
            throw;
        }
    }

    private async Task<object?> StepsAsync()
    {
        foreach (var step in probe.Do)
        {
            switch (step.Op)
            {
                case "reply":
                    return Reply(step);
                case "fail":
                    throw Failure(step);
                case "fail_until":
                    if (context.Attempt < step.Number)
                    {
                        throw Failure(step);
                    }

                    break;
                case "gate":
                    await _witness.Gates.WaitAsync(step.Text, context.CancellationToken);
                    break;
                case "sleep":
                    await Task.Delay(TimeSpan.FromMilliseconds(step.Number), context.CancellationToken);
                    break;
                case "block":
                    Thread.Sleep(TimeSpan.FromMilliseconds(step.Number));
                    break;
                case "add":
                    agent.Count += step.Number;
                    break;
                case "call":
                    await CallAsync(step);
                    break;
                case "publish":
                    await PublishAsync(step);
                    break;
                default:
                    throw new UnsupportedException($"no such op: {step.Op}");
            }
        }

        return Reply(new Step());
    }

    private object? Reply(Step step)
    {
        object? result = step.How switch
        {
            "" => new ProbeReply(probe.Label, step.Text, agent.Count, agent.Id.ToString()),
            "last" => new ProbeReply(probe.Label, _last, agent.Count, agent.Id.ToString()),
            "refused" => new ProbeRefused(probe.Label, step.Text),
            "null" => null,
            "stranger" => new ProbeStranger(probe.Label),
            "unencodable" => new Func<int>(() => 0),
            _ => throw new UnsupportedException($"no such reply: {step.How}"),
        };
        return protobuf && result is not null ? ProtobufProbes.Of(result) ?? result : result;
    }

    private static Exception Failure(Step step) => step.How == "cancel" ? new OperationCanceledException() : new ProbeFailureException(step.Text);

    private async Task CallAsync(Step step)
    {
        var (label, message) = Message(step);
        try
        {
            var timeout = step.TimeoutMs == 0 ? (TimeSpan?)null : TimeSpan.FromMilliseconds(step.TimeoutMs);
            var result = await agent.CallAsync(message, AgentId.Parse(step.To), timeout, context.CancellationToken);
            _witness.Reply(label, result);
            _last = ProtobufProbes.From(result ?? "") switch { ProbeReply r => r.Value, ProbeRefused r => r.Value, _ => "" };
        }
        catch (Exception e)
        {
            _last = _witness.Failed(label, e);
            if (!step.Catch)
            {
                throw;
            }
        }
    }

    private async Task PublishAsync(Step step)
    {
        var (label, message) = Message(step);
        try
        {
            await agent.PublishAsync(message, TopicId.Parse(step.To), step.How == "immediate", context.CancellationToken);
            _witness.Published(label);
        }
        catch (Exception e)
        {
            _witness.Failed(label, e);
            throw;
        }
    }

    private (string Label, object Message) Message(Step step)
    {
        var message = step.Message ?? throw new UnsupportedException($"op {step.Op} has no message");
        return (message.Label, protobuf ? ProtobufProbes.Of(message) : message);
    }

    private void ObserveCancelled()
    {
        if (Interlocked.Exchange(ref _cancelled, 1) == 0)
        {
            _witness.Observe("cancelled", new JsonObject { ["label"] = probe.Label, ["agent"] = agent.Id.ToString() });
        }
    }
}

/// <summary>What a handler throws that was told to fail.</summary>
public sealed class ProbeFailureException(string message) : Exception(message);
